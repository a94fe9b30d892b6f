# make                  the three release binaries, static
# make install          what was built, the manual pages and completions, to PREFIX; DESTDIR,
#                       SBINDIR and ZSHDIR are honoured, `make uninstall` takes all out again
# make deb              a package for Debian and Ubuntu that steps in for kmod's three commands
# make tarball          the same files in an archive, for a system without packages
# make check            what each change has to pass, tests on booted kernels included
# make check-kernel     only those; TESTS=text selects by name, MODUTILS_KERNELS=6.12 the kernels
# make check-no-unload  a kernel that cannot unload modules, which is built first: some minutes
# make check-uml        User-Mode Linux, a kernel that is a program
# make kernels-table    the table of kernels in the README, from the results of the last runs
# make check-deb        installs the package into a fresh Debian, and takes it out again
# make faults           each system call of each tool fails once, in each way it can
# make stress           hundreds of tools at once, thousands of modules after each other, and as
#                       many races, lists and waits as it takes to trust them
# make fuzz             hostile input for each parser; SECONDS=60 for each, TESTS=name for one
# make bench            how long the tools take, beside kmod's and busybox's; KMOD=path adds another
#                       (static, or content with the libraries of the distribution's)
# make demo             the tools at work on a booted kernel, step by step
# make vm               a shell on a booted kernel, or what is piped into it; FLAVOUR=6.1 selects
#                       the kernel
# make clean            removes what was built or fetched

PREFIX = /usr/local
SBINDIR = $(PREFIX)/sbin
DATADIR = $(PREFIX)/share
ZSHDIR = $(DATADIR)/zsh/site-functions
FLAVOUR =
SECONDS = 60
TESTS =

# Asked for at each use: `make tools` may have added a target.
TRIPLE = $(or $(shell packaging/target 2>/dev/null),$(error $(shell packaging/target 2>&1)))
TOOLS = insmod rmmod lsmod
# Where the binaries that are shipped are kept: root, who installs them, often has no Rust to ask
# for the target, and where cargo puts them, a benchmark puts others.
BUILT = target/built

# Static, so that a tool can be copied into any initramfs; the target is named
# because without it the flag would hit build scripts and macros, too.
STATIC = RUSTFLAGS='$(RUSTFLAGS) -C target-feature=+crt-static'
# And small. Tests do unwind.
SMALL = -C link-arg=-zpack-relative-relocs -C link-arg=-Tpackaging/no-unwind.ld
SHIPPED = RUSTFLAGS='$(RUSTFLAGS) -C target-feature=+crt-static $(if $(findstring musl,$(TRIPLE)),$(SMALL))'
# The build of liblzma does not look for the instruction that makes checksums cheap; liblzma does,
# each time that it runs.
CHECKSUMS = -DHAVE_USABLE_CLMUL=1 -DHAVE_CPUID_H=1
# libzstd has its inner loops twice, the second time for windows that no module fills and for
# codes that Huffman tables hold two of. Without the doubles there is room to compile it for speed.
ONE_LOOP = -DZSTD_FORCE_DECOMPRESS_SEQUENCES_SHORT=1 -DHUF_FORCE_DECOMPRESS_X1=1
export CFLAGS_x86_64_unknown_linux_musl = $(CFLAGS) $(CHECKSUMS) $(ONE_LOOP)
export MODUTILS_BIN = $(CURDIR)/$(BUILT)

all: build
	@ls -l $(TOOLS:%=$(BUILT)/%) | awk '{ printf "%s  %d KiB\n", $$NF, $$5 / 1024 }'

build:
	@$(SHIPPED) cargo build --locked --release --target $(TRIPLE)
	@install -D -t $(BUILT) $(TOOLS:%=target/$(TRIPLE)/release/%)
	@echo $(TRIPLE) >$(BUILT)/target

# Root, who installs, often has no Rust: it builds if nothing is built yet, or if that is asked for.
ASKED = $(filter all build clean,$(MAKECMDGOALS))$(filter command,$(origin TRIPLE))
install: $(if $(and $(wildcard $(BUILT)/target),$(if $(ASKED),,kept)),,build)
	install -d $(DESTDIR)$(SBINDIR)
	install -m 755 $(TOOLS:%=$(BUILT)/%) $(DESTDIR)$(SBINDIR)
	install -d $(DESTDIR)$(DATADIR)/man/man8
	install -m 644 $(TOOLS:%=man/%.8) $(DESTDIR)$(DATADIR)/man/man8
	for tool in $(TOOLS); do \
		set -e; \
		install -D -m 644 completions/$$tool.bash \
			$(DESTDIR)$(DATADIR)/bash-completion/completions/$$tool; \
		install -D -m 644 completions/_$$tool \
			$(DESTDIR)$(ZSHDIR)/_$$tool; \
		install -D -m 644 completions/$$tool.fish \
			$(DESTDIR)$(DATADIR)/fish/vendor_completions.d/$$tool.fish; \
	done

uninstall:
	for tool in $(TOOLS); do \
		rm -f $(DESTDIR)$(SBINDIR)/$$tool $(DESTDIR)$(DATADIR)/man/man8/$$tool.8 \
			$(DESTDIR)$(DATADIR)/bash-completion/completions/$$tool \
			$(DESTDIR)$(ZSHDIR)/_$$tool \
			$(DESTDIR)$(DATADIR)/fish/vendor_completions.d/$$tool.fish; \
	done

deb: build
	@packaging/deb

tarball: build
	@packaging/tarball

check-deb: deb
	@packaging/check-deb

check: tools
	cargo fmt --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --locked --workspace --no-deps --document-private-items
	cargo clippy --locked --package modutils --no-default-features --all-targets -- -D warnings
	cargo test --quiet --locked --package modutils --no-default-features --lib
	cargo clippy --locked --package modutils --all-features --all-targets -- -D warnings
	cargo package --locked --workspace --allow-dirty --quiet
	@tests/deny.sh
	cargo test --locked
	@$(MAKE) --no-print-directory check-kernel

# What runs in the guest beside the tools: cargo builds no example for a single test.
lifecycle: tools
	@$(STATIC) cargo build --locked --target $(TRIPLE) --example lifecycle

check-kernel: tools build lifecycle
	$(STATIC) cargo test --locked --target $(TRIPLE) --test kernel -- $(TESTS)

check-no-unload: tools
	@tests/vm/kernel.sh 6.1-no-unload >/dev/null
	@MODUTILS_KERNELS=6.1-no-unload $(MAKE) --no-print-directory check-kernel

check-uml:
	@MODUTILS_KERNELS=6.1-uml $(MAKE) --no-print-directory check-kernel

kernels-table:
	@MODUTILS_TABLE=1 $(STATIC) cargo test --quiet --locked --target $(TRIPLE) --test kernel

faults: tools build lifecycle
	MODUTILS_RUN=faults $(STATIC) cargo test --locked --target $(TRIPLE) --test kernel -- $(TESTS)

stress: tools build lifecycle
	MODUTILS_RUN='stress latency' $(STATIC) cargo test --locked --target $(TRIPLE) --test kernel -- $(TESTS)

fuzz:
	@fuzz/run.sh $(SECONDS) $(TESTS)

# Of what is shipped: cargo builds the binaries again for a benchmark, and not to abort on a panic.
bench: tools build
	@$(STATIC) cargo bench --locked --target $(TRIPLE) --bench tools

demo: tools build
	@tests/vm/demo.sh $(FLAVOUR)

vm: tools build
	@tests/vm/shell.sh $(FLAVOUR)

tools:
	@tests/vm/tools.sh

clean:
	cargo clean

.PHONY: all build install uninstall deb tarball check check-deb lifecycle check-kernel \
	check-no-unload check-uml kernels-table faults stress fuzz \
	bench demo vm tools clean
