# Every target is a thin line into kivendtout/devservices; `make help` says what each does.
PYTHON ?= python3
RUN = @$(PYTHON) kivendtout/devservices/bootstrap.py
export KAFKA BROKERS ARGS

.DEFAULT_GOAL := help
.PHONY: help setup services stop demo test check bench chaos lock

help:
	$(RUN) help

setup:
	$(RUN) setup

services:
	$(RUN) services

stop:
	$(RUN) stop

demo:
	$(RUN) demo

test:
	$(RUN) test

check:
	$(RUN) check

bench:
	$(RUN) bench

chaos:
	$(RUN) chaos

lock:
	$(RUN) lock
