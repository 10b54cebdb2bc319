# What people do with a checkout. Everything builds with the committed Cargo.lock.

CARGO ?= cargo
# What `cargo build --release` makes.
MXRAY = $(abspath $(or $(CARGO_TARGET_DIR),target))/release/mxray
# Of which captures the demo tells.
DEMO = pcaps/study-day
# How many hosts the evaluation judges (small, medium, full), and of which dice.
SIZE = full
SEED = 1
# Further options of `make bench`: `--packets 4000000`.
BENCH ?=
# Seconds of a long live capture.
LIVE_SECONDS ?= 900
# Seconds that each fuzz target runs, and all of them.
FUZZ_SECONDS ?= 180
# Packets of each flood, spread over all of the bot's life; limits of memory that it is tried with, and how
# often a process is killed.
PACKETS ?= 1000000
MEMORY ?= 256M 1G
KILLS ?= 100

FUZZ_TARGETS = dns_message link_ip tcp_segments smtp_session client_hello capture_file config \
    inventory checkpoint event_log
# What `make miri` tries: all decoders. Left out are tests that draw so many octets that they take hours there.
MIRI_TESTS = decode:: words:: report::text --skip any_octets_are_kept --skip any_segments_keep \
    --skip what_comes_in_another --skip the_table_is_bounded --skip decode::smtp::losses --skip tests::bounds

.PHONY: help demo test live-long lint bench evaluation figures fuzz fuzz-targets hostile laws loom miri \
    deny advisories release deb deps

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

demo: deps ## judge the hosts of a captured day, show the verdicts
	@$(CARGO) build --release --locked
	$(MXRAY) replay $(DEMO) -o target/demo.ndjson
	@.ci/verdicts target/demo.ndjson
	@echo 'All events, as JSON: target/demo.ndjson'

test: deps ## all tests
	@$(CARGO) test --locked

live-long: deps ## hosts that come and go on a live link for LIVE_SECONDS: nothing may grow (root)
	MXRAY_LIVE_SECONDS=$(LIVE_SECONDS) $(CARGO) test --locked --test live -- --ignored --nocapture

lint: deps ## formatting, clippy and documentation, as CI wants them
	$(CARGO) fmt --check
	$(CARGO) clippy --all-targets --locked -- -D warnings
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --no-deps --locked

# What the other benches print is kept in one file with the last one's, benches/results/DAY-replay.txt. Cargo
# and its benches say on the standard error what they are at.
bench: deps ## what each stage, a host, a live link (root) and a whole replay cost (docs/BENCHMARKING.md)
	@mkdir -p target/bench
	$(CARGO) bench --locked --bench stages > target/bench/stages.txt
	$(CARGO) test --locked --release --test allocation -- --nocapture --test-threads 1 > target/bench/allocation.txt
	$(CARGO) bench --locked --bench live > target/bench/live.txt
	$(CARGO) bench --locked --bench replay -- $(BENCH) --with target/bench/stages.txt \
	    --with target/bench/allocation.txt --with target/bench/live.txt

evaluation: deps ## judge labelled hosts, write docs/EVALUATION.md (SIZE=small for a minute's)
	$(CARGO) bench --locked --bench evaluation -- --size $(SIZE) --seed $(SEED) \
	    -o $(if $(filter full,$(SIZE)),docs/EVALUATION.md,target/EVALUATION-$(SIZE).md)

figures: deps ## draw the pictures of docs/FIGURES.md anew, by the commands in it
	@$(CARGO) build --release --locked
	sed -n 's|^`mxray \(plot .*\)`$$|$(MXRAY) \1|p' docs/FIGURES.md | sh -ex

fuzz: deps ## look for inputs that break a law (fuzz/README.md; needs nightly, cargo-fuzz)
	@for target in $(FUZZ_TARGETS); do \
	    mkdir -p fuzz/corpus/$$target && \
	    $(CARGO) +nightly fuzz run $$target fuzz/corpus/$$target fuzz/seeds/$$target -- \
	        -max_total_time=$(FUZZ_SECONDS) || exit 1; \
	done

hostile: deps ## floods, tricks and kills at full size, as tables (docs/HARDENING.md; root for some)
	$(CARGO) build --release --locked
	MXRAY_HOSTILE_PROGRAM=$(MXRAY) MXRAY_HOSTILE_KILLS=$(KILLS) \
	MXRAY_HOSTILE_PACKETS=$(PACKETS) MXRAY_HOSTILE_MEMORY='$(MEMORY)' \
	    $(CARGO) test --locked --test hostile -- --include-ignored --nocapture --test-threads 1
	MXRAY_SHIP_KILLS=$(KILLS) $(CARGO) test --locked --test ship -- killed_at_random
	MXRAY_LIVE_KILLS=$(KILLS) $(CARGO) test --locked --test live -- kill

fuzz-targets:
	@echo $(FUZZ_TARGETS)

laws: deps ## every frame cut and flipped, captures out of order, doubled and damaged (long)
	MXRAY_LAWS=long $(CARGO) test --locked --test tests -- laws disorder --nocapture

loom: ## what threads share of ours, in every order of their steps
	$(CARGO) test --locked --manifest-path tests/loom/Cargo.toml

miri: deps ## the decoders' tests under Miri (needs nightly with its components miri and rust-src)
	MIRIFLAGS=-Zmiri-disable-isolation PROPTEST_CASES=4 \
	    $(CARGO) +nightly miri test --locked --lib -- $(MIRI_TESTS)

deny: ## licences, bans and sources of all that is built in (docs/SUPPLY-CHAIN.md)
	@.ci/cargo-deny --locked check licenses bans sources

advisories: ## known holes in what is built in, by today's RustSec database
	@.ci/advisories

release: deps ## the program as it is given out, and its bill of materials (docs/SUPPLY-CHAIN.md)
	@packaging/build-release

deb: deps ## a Debian package, into target/debian (docs/DEPLOYMENT.md)
	@packaging/build-deb

deps: ## what a build needs: looked for, and installed where that takes no question
	@.ci/deps
