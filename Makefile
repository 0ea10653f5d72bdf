# The vocabulary of this project; see README.md. Go and git are all that is needed.

GO ?= go
export CGO_ENABLED ?= 0

REVISION := $(shell git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)
LDFLAGS  := -s -w -X main.revision=$(REVISION)
BUILD    := $(GO) build -trimpath -ldflags '$(LDFLAGS)'

# Packages in which goroutines share memory.
CONCURRENT := ./store ./store/wal ./store/buffer ./store/merge ./edge ./edge/server ./edge/ingest ./edge/query ./sync
# Packages whose tests run on any machine, for the emulated ones. The comparison
# with other servers is left out: it would be their speed that is emulated.
PORTABLE = ./lp ./store/... ./edge/ingest/... ./edge/pipeline ./edge/api/loki ./edge/api/opentsdb ./edge/api/otlp $(filter-out %/difftest,$(shell $(GO) list ./edge/query/...))

.PHONY: run build test unit lint race cross emulated bench instructions proofs soak fuzz dist packages clean

## run: build, start on 127.0.0.1:8181, load a Telegraf capture, query it, keep serving
run: build
	sh .ci/tools/run.sh bin/tarn

## build: the static binary for this machine, bin/tarn
build:
	$(BUILD) -o bin/tarn ./cmd/tarn

## test: everything that must pass
test: lint unit race cross

unit:
	$(GO) test ./...

## lint: formatting, go vet and staticcheck
lint:
	@out=$$(gofmt -l cmd edge lp packaging store sync systemd testdata web); if [ -n "$$out" ]; then echo "not gofmt-ed:"; echo "$$out"; exit 1; fi
	$(GO) vet ./...
	$(GO) tool staticcheck ./...

## soak: the model tests of the store and kill -9 loops with new seeds for SOAK
SOAK ?= 1h
soak:
	sh .ci/tools/soak.sh $(SOAK)

# The race detector needs cgo, hence a C compiler. The shipped binary does not.
race:
	@if command -v gcc >/dev/null || command -v clang >/dev/null; then \
		echo CGO_ENABLED=1 $(GO) test -race -short $(CONCURRENT); \
		CGO_ENABLED=1 $(GO) test -race -short $(CONCURRENT); \
	else echo "left out: go test -race (no C compiler here)"; fi

## cross: the binary and the portable tests compile for every machine we ship to
cross:
	GOOS=linux GOARCH=arm64 $(BUILD) -o /dev/null ./cmd/tarn
	GOOS=linux GOARCH=arm GOARM=7 $(BUILD) -o /dev/null ./cmd/tarn
	GOOS=linux GOARCH=arm GOARM=6 $(BUILD) -o /dev/null ./cmd/tarn
	GOOS=linux GOARCH=arm GOARM=6 $(GO) vet $(PORTABLE)

## emulated: the portable tests on emulated arm64, armv7 and armv6 (fetches qemu-user)
emulated:
	sh .ci/tools/emulated.sh $(PORTABLE)

## bench: Tarn beside its peers; what is not installed is left out (FETCH=1 installs it)
bench:
	sh .ci/tools/bench.sh $(if $(FETCH),--fetch) $(if $(ARGS),-- $(ARGS))

## instructions: what hot paths take per value, also without assembly and on arm (valgrind, qemu)
instructions:
	sh .ci/tools/instructions.sh

## proofs: a memory limit in a control group, a million series, a year of data
proofs:
	sh .ci/tools/proofs.sh $(ARGS)

## fuzz: every fuzz target for FUZZTIME each
FUZZTIME ?= 30s
fuzz:
	@for p in $$($(GO) list ./...); do \
		for f in $$($(GO) test -list '^Fuzz' $$p | grep '^Fuzz'); do \
			echo "$$p $$f"; $(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) $$p || exit 1; \
		done; \
	done

## dist: for every machine we ship to a stripped binary, a tarball, packages, and checksums, in dist/
dist:
	sh packaging/build.sh

## packages: the same for one machine, ARCH=amd64 (or arm64, armv7, armv6)
packages:
	sh packaging/build.sh $(or $(ARCH),$(shell $(GO) env GOARCH))

clean:
	rm -rf bin dist
