// Three errors with raven-go, the SDK before sentry-go.
package main

import (
	"fmt"
	"log"
	"os"
	"strings"

	"github.com/getsentry/raven-go"
)

func main() {
	// Its DSN needs a secret, of which nothing depends today.
	address := strings.Replace(os.Getenv("DSN"), "@", ":x@", 1)
	if err := raven.SetDSN(address); err != nil {
		log.Fatal(err)
	}
	for _, word := range []string{"first", "second", "third"} {
		failure := fmt.Errorf("%s error of %s", word, os.Getenv("MARKER"))
		packet := raven.NewPacket(failure.Error(), raven.NewException(failure, raven.NewStacktrace(0, 2, nil)))
		_, sent := raven.Capture(packet, nil)
		if err := <-sent; err != nil {
			log.Fatal(err)
		}
	}
}
