# make                  the three release binaries, static; LINK=dynamic links them with the
#                       system's libraries, CARGOFLAGS='--offline' gives options to cargo
# make TARGET=aarch64   for another machine: i686, armv7, riscv64, s390x, powerpc64le, x86_64; they
#                       are in target/built-aarch64
# make all-machines     for all of these, with a table of their sizes
# make check-emulated   builds them and runs each under qemu-user, on module files of every machine
# make install          install the binaries, manual pages and completions below PREFIX; BINDIR,
#                       SBINDIR, ZSHDIR and DESTDIR are honored, `make uninstall` removes them
# make deb              a package for Debian and Ubuntu that steps in for kmod's three commands
# make dist             the archives of a release: sources, vendored crates, static binaries
# make check            what each change has to pass, tests on booted kernels included
# make check-host       as much of that as needs no kernel
# make check-kernel     only those: all tests on two kernels, the main ones on the newest and on one
#                       for arm64; TESTS=text selects by name, MODUTILS_KERNELS=6.12 the kernels
# make check-no-unload  a kernel that cannot unload modules, which is built first: some minutes
# make check-holders    what holds a module, in many situations on generic kernels, and whether the
#                       commands that rmmod suggests end the hold
# make check-uml        User-Mode Linux, a kernel that is a program
# make check-machines   the main tests on kernels for other machines: arm64, armhf, i386, s390x,
#                       ppc64el, riscv64; MODUTILS_KERNELS=6.12-arm64 selects
# make kernels-table    the table of kernels in the README, from the results of the last runs
# make check-deb        install the package into fresh Debian systems, break it, and remove it;
#                       SUITES='bookworm trixie' selects them
# make check-packages   make a release twice, and build or lint the recipes for other distributions
# make faults           each system call of each tool fails once, in each way it can
# make stress           hundreds of tools at once, thousands of modules after each other, and as
#                       many races, lists and waits as it takes to trust them; full logs
# make mutations        a thousand modules of the distribution with something changed: no verdict
#                       that is stated as certain is wrong
# make fuzz             hostile input for each parser; SECONDS=60 for each, TESTS=name for one
# make fuzz-emulated    the tests of the library, and module files with random changes, on 32-bit
#                       and big-endian machines under qemu-user; SECONDS=60 for each, TARGET=s390x
#                       for one
# make bench            how long the tools take, beside kmod's and busybox's; KMOD=path adds another
#                       (static, or with the distribution's libraries)
# make demo             the tools at work on a booted kernel, step by step
# make picture          README's picture of a session, drawn again
# make vm               a shell on a booted kernel, or commands from a pipe; FLAVOR=6.1 selects
#                       the kernel
# make clean            removes what was built or fetched

PREFIX = /usr/local
BINDIR = $(PREFIX)/bin
SBINDIR = $(PREFIX)/sbin
DATADIR = $(PREFIX)/share
ZSHDIR = $(DATADIR)/zsh/site-functions
FLAVOR =
SUITES = bookworm trixie
SECONDS = 60
TESTS =

# static or dynamic: with the C library, liblzma and libzstd of the system.
LINK = static
# Options of cargo's for the build, such as --offline.
CARGOFLAGS =

# The machine to build for, where it is not this one, by its name in `uname -m`.
TARGET =
# Asked for at each use: `make tools` may have added a target.
FOR = $(if $(TARGET),machine $(TARGET),$(LINK))
TRIPLE = $(or $(shell packaging/target $(FOR) 2>/dev/null),$(error $(shell packaging/target $(FOR) 2>&1)))
TOOLS = insmod rmmod lsmod
# Where the binaries that are shipped are kept: root, who installs them, often has no Rust to ask
# for the target, and where cargo puts them, a benchmark puts others.
BUILT = $(if $(TARGET),target/built-$(TARGET),target/built)
export MODUTILS_BIN = $(abspath $(BUILT))

# For tests, as packaging/build links the commands: the target is named because without it the
# flag would hit build scripts and macros, too.
STATIC = RUSTFLAGS='$(RUSTFLAGS) -C target-feature=+crt-static'

all: build
	@ls -l $(TOOLS:%=$(BUILT)/%) | awk '{ printf "%s  %d KiB\n", $$NF, $$5 / 1024 }'

build: $(if $(TARGET),cross-tools)
	@packaging/build $(TRIPLE) $(LINK) $(BUILT) $(CARGOFLAGS)

# Root, who installs, often has no Rust: it builds if nothing is built yet, or if that is asked for.
ASKED = $(filter all build clean,$(MAKECMDGOALS))$(filter command,$(origin TRIPLE))
install: $(if $(and $(wildcard $(BUILT)/target),$(if $(ASKED),,kept)),,build)
	install -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(SBINDIR) $(DESTDIR)$(DATADIR)/man/man8
	install -m 755 $(BUILT)/insmod $(BUILT)/rmmod $(DESTDIR)$(SBINDIR)
	install -m 755 $(BUILT)/lsmod $(DESTDIR)$(BINDIR)
	[ $(DESTDIR)$(BINDIR) -ef $(DESTDIR)$(SBINDIR) ] || \
		ln -sf $(TO_BIN)/lsmod $(DESTDIR)$(SBINDIR)/lsmod
	install -m 644 $(TOOLS:%=man/%.8) $(DESTDIR)$(DATADIR)/man/man8
	for tool in $(TOOLS); do \
		set -e; \
		$(COMPLETION) completions/$$tool.bash \
			$(DESTDIR)$(DATADIR)/bash-completion/completions/$$tool; \
		$(COMPLETION) completions/_$$tool $(DESTDIR)$(ZSHDIR)/_$$tool; \
		$(COMPLETION) completions/$$tool.fish \
			$(DESTDIR)$(DATADIR)/fish/vendor_completions.d/$$tool.fish; \
		$(COMPLETION) completions/no_function.fish $(DESTDIR)$(FUNCTIONS)/$$tool.fish; \
	done
	$(COMPLETION) completions/$(SHARED) $(DESTDIR)$(FUNCTIONS)/$(SHARED)

FUNCTIONS = $(DATADIR)/fish/vendor_functions.d
SHARED = __modutils_module_files.fish
# kmod's lsmod is in both directories, too: the PATH of an ordinary user has no sbin.
TO_BIN = $(if $(filter $(PREFIX)/bin:$(PREFIX)/sbin,$(BINDIR):$(SBINDIR)),../bin,$(BINDIR))
# A completion asks the command that was installed with it.
COMPLETION = BINDIR='$(BINDIR)' SBINDIR='$(SBINDIR)' packaging/completion

uninstall:
	rm -f $(DESTDIR)$(BINDIR)/lsmod $(DESTDIR)$(FUNCTIONS)/$(SHARED)
	for tool in $(TOOLS); do \
		rm -f $(DESTDIR)$(SBINDIR)/$$tool $(DESTDIR)$(DATADIR)/man/man8/$$tool.8 \
			$(DESTDIR)$(DATADIR)/bash-completion/completions/$$tool \
			$(DESTDIR)$(ZSHDIR)/_$$tool \
			$(DESTDIR)$(DATADIR)/fish/vendor_completions.d/$$tool.fish \
			$(DESTDIR)$(FUNCTIONS)/$$tool.fish; \
	done

deb: build
	@packaging/debian/build $(BUILT)

dist:
	@packaging/dist $(CARGOFLAGS)

check-deb: deb
	@packaging/debian/check/run $(SUITES)

check-packages:
	@packaging/check

# Where nothing can be installed, what needs no kernel runs all the same.
APT = $(shell command -v apt-get)
check: $(if $(APT),kernel-tools,missing)
	$(if $(APT),@$(MAKE) --no-print-directory -j2 guest-programs kernels)
	@$(MAKE) --no-print-directory -k $(if $(APT),-j2 check-beside guests,check-host kernel-tools)

# Emulated machines are idle half of the time: the checks that need none run beside them, with what
# they leave.
check-beside:
	@nice $(MAKE) --no-print-directory check-host

# Ahead of time, as networks are slow. The tests try again what fails here, and report it.
kernels:
	@for kernel in $$(tests/vm/flavors.sh) $$(tests/vm/flavors.sh main); do \
		tests/vm/modules.sh $$kernel >/dev/null || :; \
	done

# Those for the kernels of other machines, too.
kernel-tools:
	@tests/vm/tools.sh -k "$${MODUTILS_KERNELS-$$(tests/vm/flavors.sh main)}"

missing:
	@tests/vm/tools.sh -n

# Built as the tests on kernels are: once for both.
check-host: export CARGO_BUILD_TARGET = $(TRIPLE)
check-host: export RUSTFLAGS := $(RUSTFLAGS) -C target-feature=+crt-static
check-host:
	cargo fmt --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	cargo clippy --locked --package modutils-tools --test kernel -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --locked --workspace --no-deps --document-private-items
	cargo clippy --locked --package modutils --no-default-features --features serde --all-targets -- -D warnings
	cargo test --quiet --locked --package modutils --no-default-features --lib
	@tests/package.sh
	@tests/msrv.sh
	@tests/deny.sh
	cargo test --locked --no-fail-fast

KERNEL_TESTS = $(STATIC) cargo test --locked --target $(TRIPLE) --test kernel

# What runs in the guest: cargo builds no example for a single test.
guest-programs: tools build
	@$(STATIC) cargo build --locked --target $(TRIPLE) --example lifecycle
	@$(KERNEL_TESTS) --no-run

check-kernel: kernel-tools guest-programs
	$(KERNEL_TESTS) -- $(TESTS)

# With programs that are built: then nothing waits for another build.
guests:
	$(KERNEL_TESTS) -- $(TESTS)

check-no-unload: tools
	@tests/vm/kernel.sh 6.1-no-unload >/dev/null
	@MODUTILS_KERNELS=6.1-no-unload $(MAKE) --no-print-directory check-kernel

# The programs that make the situations; perl has all kinds of sockets.
RICH = ip tc rdma nft iptables-legacy ipset ipvsadm dmsetup mke2fs mkfs.vfat losetup perl \
	/usr/lib/x86_64-linux-gnu/xtables/ /usr/lib/x86_64-linux-gnu/perl-base/

check-holders: tools
	@tests/vm/tools.sh iproute2 nftables iptables ipset ipvsadm dmsetup e2fsprogs dosfstools perl-base
	@MODUTILS_RUN=rich MODUTILS_PROGRAMS='$(RICH)' \
		MODUTILS_KERNELS="$${MODUTILS_KERNELS:-6.12-generic 6.1-generic}" \
		$(MAKE) --no-print-directory TESTS='$(or $(TESTS),rich::ways_out)' check-kernel

check-uml:
	@MODUTILS_KERNELS=6.1-uml $(MAKE) --no-print-directory check-kernel

check-machines:
	@MODUTILS_KERNELS="$${MODUTILS_KERNELS:-$$(tests/vm/flavors.sh machines | xargs)}" \
		$(MAKE) --no-print-directory check-kernel

kernels-table:
	@MODUTILS_TABLE=1 $(KERNEL_TESTS) --quiet

faults: guest-programs
	MODUTILS_RUN=faults $(KERNEL_TESTS) -- $(TESTS)

stress: guest-programs
	MODUTILS_RUN='stress latency flooded large_log' $(KERNEL_TESTS) -- $(TESTS)

mutations: guest-programs
	MODUTILS_RUN=mutations $(KERNEL_TESTS) -- $(TESTS)

fuzz:
	@fuzz/run.sh $(SECONDS) $(TESTS)

fuzz-emulated:
	@fuzz/emulate.sh $(SECONDS) $(or $(TARGET),i686 armv7 s390x)

# Of the shipped binaries: cargo builds the binaries again for a benchmark, and not to abort on a panic.
bench: tools build
	@tests/vm/tools.sh lsof psmisc
	@$(STATIC) cargo bench --locked --target $(TRIPLE) --bench tools

demo: tools build
	@tests/vm/demo.sh $(FLAVOR)

picture: tools build
	@tests/vm/picture.sh $(FLAVOR) >target/session.svg
	@mv target/session.svg tests/vm/session.svg

vm: tools build
	@tests/vm/shell.sh $(FLAVOR)

tools:
	@tests/vm/tools.sh

# The compiler and Rust's library for another machine.
cross-tools:
	@packaging/cross-tools $(TRIPLE)

MACHINES = x86_64 i686 aarch64 armv7 riscv64 s390x powerpc64le
all-machines:
	@for machine in $(MACHINES); do $(MAKE) --no-print-directory TARGET=$$machine build || exit; done
	@packaging/sizes $(MACHINES)

check-emulated: all-machines
	@command -v qemu-s390x-static >/dev/null || tests/vm/tools.sh qemu-user-static
	@packaging/emulate $(MACHINES)

clean:
	cargo clean

.PHONY: guests check-beside kernels kernel-tools check-emulated check-machines check-host missing all-machines cross-tools all build install uninstall deb dist check check-deb check-packages guest-programs check-kernel \
	check-no-unload check-uml kernels-table faults stress mutations fuzz fuzz-emulated \
	bench demo picture vm tools clean
