# Three errors with raven for Ruby, the SDK before sentry-ruby.
require "sentry-raven"

Raven.configure do |config|
  config.dsn = ENV.fetch("DSN")
  config.silence_ready = true
  config.environments = []
  config.transport_failure_callback = ->(_event, error) { abort "not sent: #{error}" }
end
%w[first second third].each do |word|
  begin
    raise ArgumentError, "#{word} error of #{ENV.fetch('MARKER')}"
  rescue ArgumentError => error
    Raven.capture_exception(error)
  end
end
