# SPDX-License-Identifier: MIT
# Every target installs the Debian packages that it needs, where they are missing, by scripts/setup.

VERSION := 0.1.0
BUILD   ?= build
PREFIX  ?= /usr/local

CC       ?= gcc
CFLAGS   ?= -O2 -g
WARNINGS := -Wall -Wextra -Werror
ALL_CFLAGS = -std=gnu17 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -fvisibility=hidden -fPIC -pthread $(WARNINGS) \
             -Ireader -Ifs -Itests/writer -DATFFS_VERSION='"$(VERSION)"' $(CFLAGS)
ALL_LDFLAGS = -pthread $(LDFLAGS)
# Asked for only when something is linked: the packages may not be there before scripts/setup ran.
FUSE_CFLAGS = $(shell pkg-config --cflags fuse3)
FUSE_LIBS   = $(shell pkg-config --libs fuse3)
CJSON_LIBS  = -lcjson -lm

READER_OBJECTS := $(patsubst %.c,$(BUILD)/%.o,$(wildcard reader/*.c))
FS_OBJECTS     := $(patsubst %.c,$(BUILD)/%.o,$(filter-out fs/main.c fs/mount.c,$(wildcard fs/*.c)))
WRITER_OBJECTS := $(patsubst %,$(BUILD)/tests/writer/%.o,writer manifest)
GENERATOR_OBJECTS := $(WRITER_OBJECTS) $(patsubst %,$(BUILD)/tests/writer/%.o,generator names)
RECORDER_OBJECTS := $(WRITER_OBJECTS) $(patsubst %,$(BUILD)/tests/writer/%.o,recorder function_table symbols)
TRACED_OBJECTS := $(patsubst %,$(BUILD)/tests/writer/%.o,parse_documents documents)
UNIT_TESTS     := $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(wildcard tests/unit/*/test_*.c))

.PHONY: all demo test check bench coverage fuzz python install clean setup unit-test mount-test
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

$(BUILD)/fs/main.o $(BUILD)/fs/mount.o: ALL_CFLAGS += $(FUSE_CFLAGS)
$(TRACED_OBJECTS): ALL_CFLAGS += -finstrument-functions

$(BUILD)/libatf.a: $(READER_OBJECTS)
	@echo '  ar   $@'
	@rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/libatf.so: $(READER_OBJECTS)
	@echo '  ld   $@'
	@$(CC) -shared -Wl,-soname,libatf.so.0 $(ALL_LDFLAGS) $^ $(CJSON_LIBS) -o $@

$(BUILD)/atffs: $(BUILD)/fs/main.o $(BUILD)/fs/mount.o $(FS_OBJECTS) $(BUILD)/libatf.a
	@echo '  ld   $@'
	@$(CC) $(ALL_LDFLAGS) $^ $(FUSE_LIBS) $(CJSON_LIBS) -o $@

$(BUILD)/atf-generate: $(BUILD)/tests/writer/generate.o $(GENERATOR_OBJECTS) $(BUILD)/libatf.a
	@echo '  ld   $@'
	@$(CC) $(ALL_LDFLAGS) $^ $(CJSON_LIBS) -o $@

$(BUILD)/parse-documents: $(TRACED_OBJECTS) $(RECORDER_OBJECTS) $(BUILD)/libatf.a
	@echo '  ld   $@'
	@$(CC) -rdynamic $(ALL_LDFLAGS) $^ $(CJSON_LIBS) -ldl -o $@

# ---- What a person runs

demo: $(BUILD)/setup-test $(BUILD)/atffs $(BUILD)/parse-documents
	@BUILD=$(BUILD) scripts/demo

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

clean:
	rm -rf $(BUILD)
