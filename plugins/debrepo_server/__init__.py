"""The server: tokens, tasks, uploads, operations and published trees over HTTP."""
