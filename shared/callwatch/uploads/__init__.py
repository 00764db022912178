"""What sentry-cli sends with an upload token: releases, their commits, and deploys."""
