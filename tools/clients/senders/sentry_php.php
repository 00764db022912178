<?php
// Three errors and two requests with sentry/sentry, version 4.
require __DIR__ . '/vendor/autoload.php';

\Sentry\init(['dsn' => getenv('DSN'), 'traces_sample_rate' => 1.0]);
foreach (['first', 'second', 'third'] as $word) {
    try {
        throw new RuntimeException("$word error of " . getenv('MARKER'));
    } catch (RuntimeException $error) {
        if (\Sentry\captureException($error) === null) {
            fwrite(STDERR, "not sent: $word\n");
            exit(1);
        }
    }
}
for ($number = 0; $number < 2; $number++) {
    $context = new \Sentry\Tracing\TransactionContext('/clients/' . getenv('MARKER'));
    $context->setOp('http.server');
    $transaction = \Sentry\startTransaction($context);
    \Sentry\SentrySdk::getCurrentHub()->setSpan($transaction);
    $transaction->setHttpStatus(200);
    $transaction->finish();
}
