"""The Dockerfile front end: text to stages of typed instructions. Pure: no file, no process, no socket."""
