"""What sentry-cli sends with an upload token: releases, their commits, deploys, and source maps."""
