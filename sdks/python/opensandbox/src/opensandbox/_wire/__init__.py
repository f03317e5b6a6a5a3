"""The wire without I/O: requests are built, answers and streams are read, errors are named. Nothing here waits for anything, so
one text serves the async and the blocking client, and tests feed it bytes."""
