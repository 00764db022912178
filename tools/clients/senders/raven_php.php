<?php
// Three errors with sentry/sentry 1, which is raven for PHP.
error_reporting(E_ALL & ~E_DEPRECATED);
require __DIR__ . '/vendor/autoload.php';

$client = new Raven_Client(getenv('DSN'));
foreach (['first', 'second', 'third'] as $word) {
    try {
        throw new RuntimeException("$word error of " . getenv('MARKER'));
    } catch (RuntimeException $error) {
        $client->captureException($error);
    }
    if ($client->getLastError() !== null) {
        fwrite(STDERR, 'not sent: ' . $client->getLastError() . "\n");
        exit(1);
    }
}
