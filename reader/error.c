/* SPDX-License-Identifier: MIT */
#include "error.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

int atf_fail(atf_error *err, enum atf_status status, int sys, const char *file, uint64_t offset,
             const char *format, ...)
{
    if (!err)
        return status;
    err->status = status;
    err->sys = sys;
    err->offset = offset;
    snprintf(err->file, sizeof err->file, "%s", file ? file : "");
    va_list args;
    va_start(args, format);
    // NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): clang 14 loses sight of va_start here
    int length = vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    char reason[128];
    if (sys && length >= 0 && (size_t)length < sizeof err->text)
        snprintf(err->text + length, sizeof err->text - (size_t)length, ": %s",
                 strerror_r(sys, reason, sizeof reason));
    return status;
}

int atf_fail_memory(atf_error *err)
{
    return atf_fail(err, ATF_ERR_MEMORY, 0, NULL, ATF_NO_OFFSET, "out of memory");
}

bool atf_is_shortage(const atf_error *err)
{
    return err->status == ATF_ERR_MEMORY ||
           (err->status == ATF_ERR_SYSTEM &&
            (err->sys == ENOMEM || err->sys == EMFILE || err->sys == ENFILE));
}

int atf_error_format(const atf_error *err, char *out, size_t size)
{
    char place[48] = "";
    if (err->offset != ATF_NO_OFFSET)
        snprintf(place, sizeof place, " (at byte %" PRIu64 ")", err->offset);
    int length =
        snprintf(out, size, "%s%s%s%s", err->file, err->file[0] ? ": " : "", err->text, place);
    /* Names come from the trace, and may end up on a terminal. */
    for (char *at = out; size > 0 && *at; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7F)
            *at = '?';
    return length;
}

void atf_error_name(atf_error *err, const char *file)
{
    if (err && !err->file[0])
        snprintf(err->file, sizeof err->file, "%s", file);
}
