// Three errors and two requests with sentry-go.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/getsentry/sentry-go"
)

func main() {
	err := sentry.Init(sentry.ClientOptions{Dsn: os.Getenv("DSN"), TracesSampleRate: 1})
	if err != nil {
		log.Fatal(err)
	}
	marker := os.Getenv("MARKER")
	for _, word := range []string{"first", "second", "third"} {
		sentry.CaptureException(fmt.Errorf("%s error of %s", word, marker))
	}
	for number := 0; number < 2; number++ {
		name := sentry.TransactionName("/clients/" + marker)
		sentry.StartSpan(context.Background(), "http.server", name).Finish()
	}
	if !sentry.Flush(20 * time.Second) {
		log.Fatal("not sent within 20 s")
	}
}
