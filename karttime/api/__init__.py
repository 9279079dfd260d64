"""REST and WebSocket over one engine."""
