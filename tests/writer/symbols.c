/* SPDX-License-Identifier: MIT */

#define _GNU_SOURCE 1 /* dl_iterate_phdr, dladdr */

#include "symbols.h"

#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* The loader's addresses are numbers. */
static const void *pointer_to(uintptr_t address)
{
    return (const void *)address; /* NOLINT(performance-no-int-to-ptr) */
}

struct search {
    uintptr_t address;
    struct symbols_module *module;
};

/* The build id's first 16 bytes, in the form of a UUID. */
static void read_build_id(const ElfW(Phdr) * header, uintptr_t bias, char *out, size_t size)
{
    const uint8_t *at = pointer_to(bias + header->p_vaddr);
    const uint8_t *end = at + header->p_memsz;

    while ((size_t)(end - at) >= sizeof(ElfW(Nhdr))) {
        ElfW(Nhdr) note;
        memcpy(&note, at, sizeof note);
        at += sizeof note;
        size_t name = (note.n_namesz + 3u) & ~3u;
        size_t length = name + ((note.n_descsz + 3u) & ~3u);
        if (length > (size_t)(end - at))
            return;
        const uint8_t *id = at + name;
        if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && memcmp(at, "GNU", 4) == 0 &&
            note.n_descsz >= 16) {
            snprintf(out, size,
                     "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", id[0],
                     id[1], id[2], id[3], id[4], id[5], id[6], id[7], id[8], id[9], id[10], id[11],
                     id[12], id[13], id[14], id[15]);
            return;
        }
        at += length;
    }
}

static int visit_module(struct dl_phdr_info *info, size_t size, void *data)
{
    const struct search *search = data;
    struct symbols_module *module = search->module;

    (void)size;
    *module = (struct symbols_module){.low = UINTPTR_MAX, .bias = info->dlpi_addr};
    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];
        uintptr_t start = info->dlpi_addr + header->p_vaddr;
        if (header->p_type == PT_LOAD) {
            module->low = start < module->low ? start : module->low;
            module->high =
                start + header->p_memsz > module->high ? start + header->p_memsz : module->high;
        } else if (header->p_type == PT_NOTE && !module->uuid[0]) {
            read_build_id(header, info->dlpi_addr, module->uuid, sizeof module->uuid);
        }
    }
    if (search->address < module->low || search->address >= module->high)
        return 0;
    /* The program itself has no name here. */
    if (info->dlpi_name[0])
        snprintf(module->path, sizeof module->path, "%s", info->dlpi_name);
    else if (readlink("/proc/self/exe", module->path, sizeof module->path - 1) < 0)
        snprintf(module->path, sizeof module->path, "?");
    return 1;
}

int symbols_find_module(uintptr_t address, struct symbols_module *module)
{
    struct search search = {.address = address, .module = module};

    return dl_iterate_phdr(visit_module, &search) == 1 ? 0 : -1;
}

static int compare_addresses(const void *a, const void *b)
{
    uintptr_t left = ((const struct symbols_function *)a)->address;
    uintptr_t right = ((const struct symbols_function *)b)->address;

    return (left > right) - (left < right);
}

/* A symbol table and its strings, in the mapped file. */
struct table {
    const ElfW(Sym) * symbols;
    size_t symbol_count;
    const char *strings;
    size_t strings_size;
};

static void names_from_table(const struct table *table, uintptr_t bias,
                             struct symbols_function *functions, size_t count)
{
    for (size_t i = 0; i < table->symbol_count; i++) {
        const ElfW(Sym) *symbol = &table->symbols[i];
        /* The type has the same place in 32-bit and 64-bit files. */
        if (ELF64_ST_TYPE(symbol->st_info) != STT_FUNC || symbol->st_shndx == SHN_UNDEF ||
            symbol->st_name >= table->strings_size)
            continue;
        struct symbols_function key = {.address = bias + symbol->st_value};
        struct symbols_function *found =
            bsearch(&key, functions, count, sizeof key, compare_addresses);
        if (found && !found->name)
            found->name =
                strndup(table->strings + symbol->st_name, table->strings_size - symbol->st_name);
    }
}

/* Whether the file has size bytes from offset on. */
static int holds(size_t file_size, uint64_t offset, uint64_t size)
{
    return offset <= file_size && size <= file_size - offset;
}

/* .symtab knows static functions, the dynamic linker's table doesn't. 0, or -1 where the file has
 * none. */
static int find_table(const uint8_t *file, size_t size, struct table *out)
{
    const ElfW(Ehdr) *header = (const void *)file;

    if (size < sizeof *header || memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 ||
        header->e_shentsize != sizeof(ElfW(Shdr)) ||
        !holds(size, header->e_shoff, (uint64_t)header->e_shnum * sizeof(ElfW(Shdr))))
        return -1;
    const ElfW(Shdr) *sections = (const void *)(file + header->e_shoff);
    for (size_t i = 0; i < header->e_shnum; i++) {
        const ElfW(Shdr) *table = &sections[i];
        if (table->sh_type != SHT_SYMTAB || table->sh_link >= header->e_shnum)
            continue;
        const ElfW(Shdr) *strings = &sections[table->sh_link];
        if (!holds(size, table->sh_offset, table->sh_size) ||
            !holds(size, strings->sh_offset, strings->sh_size))
            continue;
        *out = (struct table){
            .symbols = (const void *)(file + table->sh_offset),
            .symbol_count = table->sh_size / sizeof(ElfW(Sym)),
            .strings = (const char *)file + strings->sh_offset,
            .strings_size = strings->sh_size,
        };
        return 0;
    }
    return -1;
}

static void names_from_file(const struct symbols_module *module, struct symbols_function *functions,
                            size_t count)
{
    struct table table;
    struct stat st;

    int fd = open(module->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    if (fstat(fd, &st) == 0 && st.st_size > 0) {
        size_t size = (size_t)st.st_size;
        void *file = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (file != MAP_FAILED) {
            if (find_table(file, size, &table) == 0)
                names_from_table(&table, module->bias, functions, count);
            munmap(file, size);
        }
    }
    close(fd);
}

void symbols_name(const struct symbols_module *module, struct symbols_function *functions,
                  size_t count)
{
    qsort(functions, count, sizeof *functions, compare_addresses);
    for (size_t i = 0; i < count; i++)
        functions[i].name = NULL;
    names_from_file(module, functions, count);
    for (size_t i = 0; i < count; i++) {
        Dl_info info;
        if (!functions[i].name && dladdr(pointer_to(functions[i].address), &info) && info.dli_sname)
            functions[i].name = strdup(info.dli_sname);
    }
}
