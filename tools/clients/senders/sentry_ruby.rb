# Three errors and two requests with sentry-ruby.
require "sentry-ruby"

Sentry.init do |config|
  config.dsn = ENV.fetch("DSN")
  config.traces_sample_rate = 1.0
  # In this thread: the program ends behind the last line.
  config.background_worker_threads = 0
end
%w[first second third].each do |word|
  begin
    raise ArgumentError, "#{word} error of #{ENV.fetch('MARKER')}"
  rescue ArgumentError => error
    Sentry.capture_exception(error)
  end
end
2.times do
  transaction = Sentry.start_transaction(name: "/clients/#{ENV.fetch('MARKER')}", op: "rack.request")
  transaction.set_http_status(200)
  transaction.finish
end
