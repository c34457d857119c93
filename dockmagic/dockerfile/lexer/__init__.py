"""From text to logical lines: directives, comments, continuations, heredocs."""
