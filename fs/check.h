/* SPDX-License-Identifier: MIT */
/* --check: reads all of a session and verifies what can be verified. */
#ifndef ATFFS_CHECK_H
#define ATFFS_CHECK_H

#include <stdio.h>

#include "atf.h"

enum check_result { CHECK_CLEAN = 0, CHECK_PROBLEMS = 1, CHECK_UNREADABLE = 2 };

/* Prints the report to out, and to progress (NULL: none) a bar while it reads. */
enum check_result check_session(atf_session *session, FILE *out, FILE *progress);

#endif
