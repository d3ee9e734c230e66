"""Real servers without Docker: what `make demo`, `make test` and `make up` run on."""
