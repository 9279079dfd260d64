"""Where the dashboard gets its data from: a server, or a recording. Both tell the same messages."""
