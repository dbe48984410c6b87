"""A page to look at: what is open, what is coming, and what the replicas do.

It is read-only, and off unless asked for. What is in memory becomes a model (`model`, `rows`,
`replicas`), that a document (`document`, `timeline`, `words`), and `serve` answers with it. All but
the last is pure.
"""
