# Every target sets the machine up by itself (tools/setup) and builds what it needs below build/.
MAKEFLAGS += --no-print-directory
SHELL = /bin/bash
export PYTHONUNBUFFERED = 1
B ?= build/carnet
J ?= $(shell nproc)
TEST ?=

.DEFAULT_GOAL := help
.PHONY: help setup build demo test bench check asan tsan clang clean
.NOTPARALLEL:

help:
	@echo "Carnet: delegated authorization for systems of many agents"
	@echo
	@echo "  make demo     set up, build, and play Sara's churn analysis on a real zone"
	@echo "  make build    set up and build carnetd and carnet into $(B)"
	@echo "  make test     build and run all tests; TEST=word runs those with word in their name"
	@echo "  make check    what is checked without running anything: layers, formats"
	@echo "  make asan     the C tests under AddressSanitizer and UBSan"
	@echo "  make tsan     the C tests under ThreadSanitizer"
	@echo "  make clang    the C tests built by clang"
	@echo "  make bench    speed, beside another server on the same machine"
	@echo "  make setup    only install what is needed (Debian packages, crates, Python packages)"
	@echo "  make clean    remove what was built (build/venv and build/third-party stay)"

setup:
	@tools/setup

build:
	@tools/setup --build
	@tools/build $(B)
	@echo "built: $(B)"

demo:
	@tools/setup --all $(B)
	@build/venv/bin/python examples/sara-churn/demo --build $(B) $(ARGS)

test:
	@tools/setup --all $(B)
	@tools/setup --browser
	@tools/run-tests --build $(B) $(TEST)

check:
	@tools/setup --build
	@tools/check-layers
	@tools/check-layers --self-test
	@echo "check: the layers hold"

asan:
	@tools/setup --build
	@tools/build build/asan -Db_sanitize=address,undefined -Db_lundef=false
	@tools/run-tests --build build/asan --only-c $(TEST)

tsan:
	@tools/setup --build
	@tools/build build/tsan -Db_sanitize=thread -Db_lundef=false
	@tools/run-tests --build build/tsan --only-c $(TEST)

clang:
	@tools/setup --clang
	@CARNET_CC=clang tools/build build/clang
	@tools/run-tests --build build/clang --only-c $(TEST)

bench:
	@tools/setup --all
	@tools/build build/release --buildtype=release
	@build/venv/bin/python tests/bench/bench --build build/release $(ARGS)

clean:
	@rm -rf $(B) build/asan build/tsan build/clang build/results
