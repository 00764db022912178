-- When the last incident ended: the overview asks for it with each request.
CREATE INDEX incidents_ended ON callwatch.incidents (resolved_at DESC) WHERE state = 'resolved' AND level <> 'info';
