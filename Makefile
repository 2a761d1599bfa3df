# SPDX-License-Identifier: MIT
# Every target installs the Debian packages that it needs, where they are missing, by scripts/setup.

VERSION := 0.1.0
BUILD   ?= build
PREFIX  ?= /usr/local

CC       ?= gcc
CFLAGS   ?= -O2 -g
WARNINGS := -Wall -Wextra -Werror
ALL_CFLAGS = -std=gnu17 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -fvisibility=hidden -fPIC -fno-semantic-interposition \
             -pthread $(WARNINGS) -Ireader -Ifs -Itests/writer -DATFFS_VERSION='"$(VERSION)"' $(CFLAGS)
ALL_LDFLAGS = -pthread $(LDFLAGS)
# Asked for only when something is linked: the packages may not be there before scripts/setup ran.
FUSE_CFLAGS = $(shell pkg-config --cflags fuse3)
FUSE_LIBS   = $(shell pkg-config --libs fuse3)
CJSON_LIBS  = -lcjson -lm
# SECCOMP_LIBS= builds without it.
SECCOMP_LIBS = $(shell pkg-config --libs libseccomp 2>/dev/null)

READER_OBJECTS := $(patsubst %.c,$(BUILD)/%.o,$(wildcard reader/*.c))
FUSE_OBJECTS   := $(patsubst %,$(BUILD)/fs/%.o,main mount operations unmounter)
FS_OBJECTS     := $(filter-out $(FUSE_OBJECTS),$(patsubst %.c,$(BUILD)/%.o,$(wildcard fs/*.c)))
WRITER_OBJECTS := $(patsubst %,$(BUILD)/tests/writer/%.o,writer manifest)
GENERATOR_OBJECTS := $(WRITER_OBJECTS) $(patsubst %,$(BUILD)/tests/writer/%.o,generator names)
RECORDER_OBJECTS := $(WRITER_OBJECTS) $(patsubst %,$(BUILD)/tests/writer/%.o,recorder function_table symbols)
TRACED_OBJECTS := $(patsubst %,$(BUILD)/tests/writer/%.o,parse_documents documents)
UNIT_TESTS     := $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(wildcard tests/unit/*/test_*.c))

.PHONY: all python demo test unit-test mount-test unit-and-mount-test load check check-format check-tidy check-cppcheck \
        check-analyzer check-clang check-sanitizers check-tsan check-valgrind cross-test coverage bench fuzz install clean
.DELETE_ON_ERROR:
.SECONDARY:

all: $(BUILD)/atffs $(BUILD)/libatf.a $(BUILD)/libatf.so

# ---- Programs and libraries

$(BUILD)/setup-%: scripts/setup
	@scripts/setup $*
	@mkdir -p $(@D) && touch $@

$(BUILD)/%.o: %.c | $(BUILD)/setup-build
	@mkdir -p $(@D)
	@echo '  cc   $<'
	@$(CC) $(ALL_CFLAGS) -MMD -MP -c $< -o $@

$(FUSE_OBJECTS): ALL_CFLAGS += $(FUSE_CFLAGS)
$(BUILD)/fs/confine.o: ALL_CFLAGS += $(if $(SECCOMP_LIBS),-DATFFS_SECCOMP)
$(TRACED_OBJECTS): ALL_CFLAGS += -finstrument-functions

$(BUILD)/libatf.a: $(READER_OBJECTS)
	@echo '  ar   $@'
	@rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/libatf.so: $(READER_OBJECTS)
	@echo '  ld   $@'
	@$(CC) -shared -Wl,-soname,libatf.so.0 $(ALL_LDFLAGS) $^ $(CJSON_LIBS) -o $@

$(BUILD)/atffs: $(FUSE_OBJECTS) $(FS_OBJECTS) $(BUILD)/libatf.a
	@echo '  ld   $@'
	@$(CC) $(ALL_LDFLAGS) $^ $(FUSE_LIBS) $(CJSON_LIBS) $(SECCOMP_LIBS) -o $@

$(BUILD)/atf-generate: $(BUILD)/tests/writer/generate.o $(GENERATOR_OBJECTS) $(BUILD)/libatf.a
	@echo '  ld   $@'
	@$(CC) $(ALL_LDFLAGS) $^ $(CJSON_LIBS) -o $@

$(BUILD)/parse-documents: $(TRACED_OBJECTS) $(RECORDER_OBJECTS) $(BUILD)/libatf.a
	@echo '  ld   $@'
	@$(CC) -rdynamic $(ALL_LDFLAGS) $^ $(CJSON_LIBS) -ldl -o $@

# ---- The Python package: usable with PYTHONPATH=$(BUILD)/python

SYSTEM_PYTHON := /usr/bin/python3
PYTHON_INCLUDE = $(shell $(SYSTEM_PYTHON) -c 'import sysconfig; print(sysconfig.get_paths()["include"])')
# Asked for only when something is compiled: the packages may not be there before scripts/setup ran.
PYTHON_CFLAGS = -std=gnu17 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DPy_LIMITED_API=0x030B0000 -fvisibility=hidden -fPIC \
                -pthread -Wall -Wextra -Werror -Ireader \
                -isystem $(PYTHON_INCLUDE) $(CFLAGS)
PYTHON_OBJECTS := $(patsubst %.c,$(BUILD)/%.o,$(wildcard reader/python/*.c))
PYTHON_PACKAGE := $(patsubst reader/python/%,$(BUILD)/python/%,$(wildcard reader/python/atf/*.py reader/python/atf/*.pyi) \
                  reader/python/atf/py.typed)

python: $(BUILD)/python/atf/_atf.abi3.so $(PYTHON_PACKAGE)

$(BUILD)/reader/python/%.o: reader/python/%.c | $(BUILD)/setup-build $(BUILD)/setup-python
	@mkdir -p $(@D)
	@echo '  cc   $<'
	@$(CC) $(PYTHON_CFLAGS) -MMD -MP -c $< -o $@

$(BUILD)/python/atf/_atf.abi3.so: $(PYTHON_OBJECTS) $(BUILD)/libatf.a
	@mkdir -p $(@D)
	@echo '  ld   $@'
	@$(CC) -shared -pthread -Wl,--exclude-libs,ALL $(LDFLAGS) $^ -lcjson -lm -o $@

$(BUILD)/python/%: reader/python/%
	@mkdir -p $(@D)
	@cp $< $@

# ---- Tests: each unit test is a program, named as the source file that it tests

$(BUILD)/unit/%: $(BUILD)/tests/unit/%.o $(FS_OBJECTS) $(GENERATOR_OBJECTS) $(BUILD)/libatf.a
	@mkdir -p $(@D)
	@echo '  ld   $@'
	@$(CC) $(ALL_LDFLAGS) $^ -lcmocka $(CJSON_LIBS) $(SECCOMP_LIBS) -o $@

# Those that make calls of the C library fail.
$(patsubst %,$(BUILD)/unit/%,reader/test_out_of_memory reader/test_failing_calls fs/test_faults): $(BUILD)/tests/faults/faults.o

$(BUILD)/tests/unit/%.o: ALL_CFLAGS += -Itests/unit
$(UNIT_TESTS:$(BUILD)/unit/%=$(BUILD)/tests/unit/%.o): | $(BUILD)/setup-test

# They are called before a sanitizer is ready for what it has compiled.
$(BUILD)/tests/faults/%.o: ALL_CFLAGS += -fno-sanitize=all

# Preloaded into a daemon: the same for its calls.
$(BUILD)/faults.so: $(BUILD)/tests/faults/faults.o
	@echo '  ld   $@'
	@$(CC) -shared $(ALL_LDFLAGS) $^ -ldl -o $@

test: $(BUILD)/setup-test $(BUILD)/atffs $(BUILD)/faults.so $(BUILD)/atf-generate $(BUILD)/parse-documents $(UNIT_TESTS) python
	@BUILD=$(BUILD) tests/run unit python mount demo

unit-test: $(BUILD)/setup-test $(UNIT_TESTS)
	@BUILD=$(BUILD) tests/run unit

unit-and-mount-test: $(BUILD)/setup-test $(UNIT_TESTS) $(BUILD)/atffs $(BUILD)/faults.so $(BUILD)/atf-generate
	@BUILD=$(BUILD) tests/run unit mount

mount-test: $(BUILD)/setup-test $(BUILD)/atffs $(BUILD)/faults.so $(BUILD)/atf-generate
	@BUILD=$(BUILD) tests/run mount

# Large sessions and many readers, for some minutes.
load: $(BUILD)/setup-test $(BUILD)/atffs $(BUILD)/atf-generate
	@ATFFS=$(BUILD)/atffs ATF_GENERATE=$(BUILD)/atf-generate TMPDIR=$${TMPDIR:-/var/tmp} $(SYSTEM_PYTHON) tests/load/run.py

# ---- Checks

C_FILES = $(shell git ls-files --cached --others --exclude-standard '*.c' '*.h')
CHECKED = $(filter %.c,$(C_FILES))

check: check-format check-tidy check-cppcheck check-analyzer check-clang check-sanitizers check-tsan check-valgrind fuzz
	@echo 'check: all passed'

check-format: $(BUILD)/setup-check
	clang-format --dry-run -Werror $(C_FILES)

TIDY_FLAGS = -std=gnu17 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -Ireader -Ifs -Itests/writer -Itests/unit -Ireader/python -DPy_LIMITED_API=0x030B0000 \
             -isystem $(PYTHON_INCLUDE) $(FUSE_CFLAGS) \
             -DATFFS_VERSION='"$(VERSION)"' -DATFFS_SECCOMP
check-tidy: $(BUILD)/setup-build $(BUILD)/setup-test $(BUILD)/setup-python $(BUILD)/setup-check
	@echo '  clang-tidy'
	@printf '%s\n' $(CHECKED) | xargs -P $(shell nproc) -n 4 sh -c 'clang-tidy --quiet "$$@" -- $(subst ','\'',$(TIDY_FLAGS)) 2>/dev/null' tidy

check-cppcheck: $(BUILD)/setup-build $(BUILD)/setup-check
	@echo '  cppcheck'
	@cppcheck -q -j $(shell nproc) --std=c17 --enable=warning,performance,portability --inline-suppr --error-exitcode=1 \
	    --suppress=missingIncludeSystem -D_GNU_SOURCE -Ireader -Ifs -Itests/writer reader fs tests/writer tests/bench

# The same sources must compile without a warning under the other compiler, too.
check-clang: $(BUILD)/setup-check
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/clang CC=clang all python $(BUILD)/clang/atf-generate $(BUILD)/clang/parse-documents

# GCC's analyzer, but for the unit tests: that a failed assertion of cmocka doesn't return it can't know.
check-analyzer: $(BUILD)/setup-check
	@echo '  gcc -fanalyzer'
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/analyzed CC=gcc CFLAGS='-O0 -g -fanalyzer' all python $(BUILD)/analyzed/atf-generate \
	    $(BUILD)/analyzed/parse-documents $(BUILD)/analyzed/null-fs $(BUILD)/analyzed/reader-bench

# GCC 12 loses memory out of sight that is stored in an element of an array; the sanitizers and valgrind don't.
%/analyzed/fs/names.o: ALL_CFLAGS += -Wno-analyzer-malloc-leak
# Nor does it know how wide the elements of a vector are.
%/analyzed/fs/text.o: ALL_CFLAGS += -Wno-analyzer-shift-count-overflow

# Unit and mount tests once more, with what finds wrong accesses, undefined behaviour and leaks; and with what finds races.
# Tests of mounts get more time then, and the large session is smaller. What the sanitizers themselves do when a program
# ends, a confined daemon may not.
SANITIZED_CFLAGS := -O1 -g -fno-omit-frame-pointer -fno-sanitize-recover=all -DATFFS_UNCONFINED
check-sanitizers: $(BUILD)/setup-check
	@SANITIZED=1 SLOWER=4 LSAN_OPTIONS=suppressions=$(abspath tests/sanitizers/leaks):print_suppressions=0 $(MAKE) --no-print-directory BUILD=$(BUILD)/sanitized CC=gcc LDFLAGS=-fsanitize=address,undefined \
	    CFLAGS='$(SANITIZED_CFLAGS) -fsanitize=address,undefined' unit-and-mount-test

check-tsan: $(BUILD)/setup-check
	@SANITIZED=1 SLOWER=4 $(MAKE) --no-print-directory BUILD=$(BUILD)/tsan CC=gcc LDFLAGS=-fsanitize=thread \
	    CFLAGS='$(SANITIZED_CFLAGS) -fsanitize=thread' unit-and-mount-test

# Unit tests, and atffs with the sample sessions, where any wrong access and any memory that isn't freed is an error.
VALGRIND := valgrind -q --leak-check=full --show-leak-kinds=all --errors-for-leak-kinds=all --error-exitcode=99

# Emulators, valgrind's among them, may lack a system call of the reader's.
$(BUILD)/openat2.so: $(BUILD)/tests/emulated/openat2.o
	@echo '  ld   $@'
	@$(CC) -shared $(ALL_LDFLAGS) $^ -o $@

# Under valgrind memory is not the C library's, whose calls some tests let fail, nor the process its own to confine.
UNDER_NO_VALGRIND := test_confine test_faults test_out_of_memory

check-valgrind: $(BUILD)/setup-test $(BUILD)/setup-check $(BUILD)/atffs $(BUILD)/openat2.so $(UNIT_TESTS)
	@BUILD=$(BUILD) LEFT_OUT='$(UNDER_NO_VALGRIND)' UNDER='env LD_PRELOAD=$(abspath $(BUILD)/openat2.so) $(VALGRIND)' tests/run unit samples

# Each fuzz target for so many seconds, after the inputs that once failed.
SECONDS ?= 30
fuzz: $(BUILD)/setup-build $(BUILD)/setup-check
	@BUILD=$(BUILD) tests/fuzz/run $(SECONDS)

# ---- Other architectures, one of them big-endian: the same tests and the same bytes under qemu

CROSS_ARCHITECTURES := aarch64 s390x

cross-test: $(patsubst %,cross-test-%,$(CROSS_ARCHITECTURES))

cross-test-%: CROSS = $(abspath $(BUILD))/cross/$*
cross-test-%: LIBRARIES = $(CROSS)/sysroot/usr/lib/$*-linux-gnu
cross-test-%: CROSS_MAKE = PKG_CONFIG_SYSROOT_DIR=$(CROSS)/sysroot PKG_CONFIG_LIBDIR=$(LIBRARIES)/pkgconfig \
    $(MAKE) -s BUILD=$(BUILD)/cross/$* CC=$*-linux-gnu-gcc AR=$*-linux-gnu-ar \
    CFLAGS='-O2 -g -isystem $(CROSS)/sysroot/usr/include' LDFLAGS='-L$(LIBRARIES) -Wl,-rpath,$(LIBRARIES)'
cross-test-%: export UNDER = qemu-$* -L /usr/$*-linux-gnu -E LD_PRELOAD=$(CROSS)/openat2.so
cross-test-%: $(BUILD)/setup-cross $(BUILD)/atffs $(BUILD)/atf-generate
	@tests/cross/sysroot $* $(CROSS)/sysroot
	@$(CROSS_MAKE) $(patsubst %,$(BUILD)/cross/$*/%,atffs atf-generate openat2.so)
	@$(CROSS_MAKE) unit-test
	@tests/cross/compare.py $(BUILD) $(BUILD)/cross/$*

# ---- Speed, against the limits of the machine

$(BUILD)/null-fs: $(BUILD)/tests/bench/null_fs.o $(BUILD)/fs/readahead.o
	@echo '  ld   $@'
	@$(CC) $(ALL_LDFLAGS) $^ $(FUSE_LIBS) -o $@

$(BUILD)/tests/bench/null_fs.o: ALL_CFLAGS += $(FUSE_CFLAGS)

$(BUILD)/reader-bench: $(BUILD)/tests/bench/reader_bench.o $(BUILD)/libatf.a
	@echo '  ld   $@'
	@$(CC) $(ALL_LDFLAGS) $^ $(CJSON_LIBS) -o $@

bench: $(BUILD)/setup-test $(BUILD)/setup-bench $(BUILD)/atffs $(BUILD)/atf-generate $(BUILD)/null-fs $(BUILD)/reader-bench python
	@BUILD=$(BUILD) $(SYSTEM_PYTHON) tests/bench/run.py
	@BUILD=$(BUILD) $(SYSTEM_PYTHON) tests/python/bench.py

# Lines of reader/ (the Python package's, too) and fs/ that the tests reach, unit, Python and mount tests together, and the
# branches that they take, for which there is no limit.
# A line may be left out by GCOVR_EXCL_LINE and a reason, and by nothing else.
# Every user that a test mounts as must be able to write the counts.
coverage: $(BUILD)/setup-coverage
	@! git grep -nE '[GL]COVR?_EXCL_(START|STOP|BR)|GCOVR_EXCL_LINE(:? *)(\*/)?$$' -- reader fs
	@find $(BUILD)/coverage -name '*.gcda' -delete 2>/dev/null || true
	@umask 000 && SLOWER=10 $(MAKE) --no-print-directory BUILD=$(BUILD)/coverage CFLAGS='-O0 -g --coverage -fprofile-update=atomic -DATFFS_UNCONFINED' LDFLAGS=--coverage test
	@reached=0; \
	BUILD=$(BUILD)/coverage tests/coverage reader 100 || reached=1; \
	BUILD=$(BUILD)/coverage tests/coverage fs 95 || reached=1; \
	exit $$reached

# ---- What a person runs

demo: $(BUILD)/setup-test $(BUILD)/atffs $(BUILD)/parse-documents
	@BUILD=$(BUILD) scripts/demo

install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib/pkgconfig $(DESTDIR)$(PREFIX)/include \
	    $(DESTDIR)$(PREFIX)/share/man/man1
	install -m 755 $(BUILD)/atffs $(DESTDIR)$(PREFIX)/bin/
	install -m 644 $(BUILD)/libatf.a $(DESTDIR)$(PREFIX)/lib/
	install -m 755 $(BUILD)/libatf.so $(DESTDIR)$(PREFIX)/lib/libatf.so.0
	ln -sf libatf.so.0 $(DESTDIR)$(PREFIX)/lib/libatf.so
	install -m 644 reader/atf.h $(DESTDIR)$(PREFIX)/include/
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@VERSION@|$(VERSION)|' reader/libatf.pc.in \
	    > $(DESTDIR)$(PREFIX)/lib/pkgconfig/libatf.pc
	install -m 644 fs/atffs.1 $(DESTDIR)$(PREFIX)/share/man/man1/

clean:
	rm -rf $(BUILD)

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
