/* SPDX-License-Identifier: MIT */
#include "atf.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

const char *atf_arch_name(uint8_t arch)
{
    static const char *const names[] = {NULL, "x86_64", "arm64"};
    return arch < COUNT(names) ? names[arch] : NULL;
}

const char *atf_os_name(uint8_t os)
{
    static const char *const names[] = {NULL, "iOS", "Android", "macOS", "Linux", "Windows"};
    return os < COUNT(names) ? names[os] : NULL;
}

const char *atf_clock_name(uint8_t clock_type)
{
    static const char *const names[] = {NULL, "mach_continuous", "qpc", "boottime"};
    return clock_type < COUNT(names) ? names[clock_type] : NULL;
}
