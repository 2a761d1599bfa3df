/* SPDX-License-Identifier: MIT */
/* The command line: what it asks for, and what is said when that can't be had. */
#define FUSE_USE_VERSION 312
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <limits.h>
#include <malloc.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "confine.h"
#include "open_file.h"
#include "mount.h"
#include "spill.h"

#ifndef ATFFS_VERSION
#define ATFFS_VERSION "unknown"
#endif

enum { EXIT_PROBLEM = 1, EXIT_UNREADABLE = 2, CAT_SIZE = 1 << 20 };

static void print_usage(FILE *out)
{
    fprintf(
        out,
        "usage: atffs [options] SESSION MOUNTPOINT    mount a recorded trace as a tree of plain "
        "files\n"
        "       atffs --list [FOLDER] SESSION         list a folder of the tree without mounting\n"
        "       atffs --cat PATH SESSION              write a file of the tree to standard output\n"
        "       atffs --check SESSION                 read and verify everything\n"
        "\n"
        "    -f                     stay in the foreground\n"
        "    -d                     the same, and print every request\n"
        "    -s                     one thread\n"
        "    -h, --help             this text\n"
        "    -V, --version          versions\n"
        "    -o uid=N,gid=N         owner of the files (default: who mounts)\n"
        "    -o allow_other         let other users in\n"
        "    -o fsname=NAME         source that mount(8) shows (default: the session's path)\n"
        "    -o max_threads=N       most threads that answer requests\n"
        "\n"
        "Unmount with: fusermount3 -u MOUNTPOINT\n");
}

static void print_error(const atf_error *err)
{
    char text[2048];
    atf_error_format(err, text, sizeof text);
    fprintf(stderr, "atffs: %s\n", text);
}

static void print_no_memory(void)
{
    fprintf(stderr, "atffs: out of memory\n");
}

/* Opens the session, or says why not. */
static struct fs *open_session(const char *path)
{
    struct fs *fs = NULL;
    atf_error err;
    atf_guard_install();
    if (fs_open(&fs, path, &err) != ATF_OK)
        print_error(&err);
    return fs;
}

static int write_all(const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t wrote = write(STDOUT_FILENO, bytes, length);
        if (wrote < 0 && errno != EINTR) {
            fprintf(stderr, "atffs: standard output: %s\n", strerror(errno));
            return EXIT_PROBLEM;
        }
        bytes += wrote > 0 ? wrote : 0;
        length -= wrote > 0 ? (size_t)wrote : 0;
    }
    return 0;
}

static int copy_out(const struct fs *fs, struct file *file)
{
    struct file_buffer buffer;
    atf_error err;
    size_t got = 1;
    int exit_code = 0;
    if (!file_buffer_init(&buffer, fs)) {
        print_no_memory();
        return EXIT_PROBLEM;
    }
    for (uint64_t offset = 0; got > 0 && exit_code == 0; offset += got) {
        if (file_read(file, offset, CAT_SIZE, &buffer, &got, &err) == ATF_OK) {
            exit_code = write_all(buffer.bytes, got);
        } else {
            print_error(&err);
            exit_code = EXIT_PROBLEM;
        }
    }
    file_buffer_free(&buffer);
    return exit_code;
}

static int cat(const char *path, const char *session)
{
    struct fs *fs = open_session(session);
    if (!fs)
        return EXIT_UNREADABLE;
    struct node node;
    struct file *file;
    atf_error err;
    int exit_code = EXIT_PROBLEM;
    int status = tree_find(fs, path, &node, NULL, &err);
    if (status == ATF_OK && node_is_folder(&node)) {
        fprintf(stderr, "atffs: %s: a folder: atffs --list %s shows what is in it\n", path, path);
    } else if (status != ATF_OK || file_open(fs, &node, &file, NULL, &err) != ATF_OK) {
        print_error(&err);
    } else {
        exit_code = copy_out(fs, file);
        file_close(file);
    }
    fs_close(fs);
    return exit_code;
}

static int list_folder(struct fs *fs, const struct node *folder, atf_error *err)
{
    struct node node;
    char name[TREE_NAME_SIZE];
    int status = ATF_OK;
    for (uint64_t i = 0; status == ATF_OK; i++) {
        status = tree_entry(fs, folder, i, &node, name, NULL, err);
        if (status == ATF_OK)
            printf("%s%s\n", name, node_is_folder(&node) ? "/" : "");
    }
    return status == ATF_ERR_RANGE ? ATF_OK : status; /* after the last entry */
}

static int list(const char *path, const char *session)
{
    struct fs *fs = open_session(session);
    if (!fs)
        return EXIT_UNREADABLE;
    struct node node;
    atf_error err;
    int status = tree_find(fs, path, &node, NULL, &err);
    if (status == ATF_OK && node_is_folder(&node))
        status = list_folder(fs, &node, &err);
    else if (status == ATF_OK)
        puts(path);
    if (status != ATF_OK)
        print_error(&err);
    fs_close(fs);
    return status == ATF_OK ? EXIT_SUCCESS : EXIT_PROBLEM;
}

static int check(const char *path)
{
    atf_session *session;
    atf_error err;
    atf_guard_install();
    if (atf_session_open(&session, path, &err) != ATF_OK) {
        print_error(&err);
        return EXIT_UNREADABLE;
    }
    plain_print(stdout, atf_session_path(session));
    printf(": %zu threads\n", atf_session_thread_count(session));
    int exit_code = (int)check_session(session, stdout, isatty(STDERR_FILENO) ? stderr : NULL);
    atf_session_close(session);
    return exit_code;
}

/* Ends a command that writes to standard output: what could not be written is an error, too. */
static int finish(int exit_code)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return exit_code;
    fprintf(stderr, "atffs: standard output: %s\n", strerror(errno));
    return exit_code ? exit_code : EXIT_PROBLEM;
}

static int wrong_usage(const char *why)
{
    fprintf(stderr, "atffs: %s\n", why);
    print_usage(stderr);
    return EXIT_UNREADABLE;
}

/* The commands that need no mount. arguments are what follows the command's name. */
static int run_command(const char *command, int count, char *const *arguments)
{
    if (strcmp(command, "--cat") == 0)
        return count == 2 ? cat(arguments[0], arguments[1])
                          : wrong_usage("--cat takes PATH and SESSION");
    if (strcmp(command, "--list") == 0)
        return count == 1 || count == 2
                   ? finish(list(count == 2 ? arguments[0] : "/", arguments[count - 1]))
                   : wrong_usage("--list takes an optional FOLDER, and SESSION");
    return count == 1 ? finish(check(arguments[0])) : wrong_usage("--check takes SESSION");
}

static bool is_command(const char *argument)
{
    return strcmp(argument, "--cat") == 0 || strcmp(argument, "--list") == 0 ||
           strcmp(argument, "--check") == 0;
}

/* ---- Mounting ---- */

struct command_line {
    char *session, *mountpoint;
    char *fsname;
    unsigned uid, gid, max_read;
    int help, version;
};

enum { KEY_IGNORED, KEY_UID, KEY_GID, KEY_MAX_READ, KEY_THREADS };

#define OPTION(template, member)                                                                   \
    {                                                                                              \
        template, offsetof(struct command_line, member), 1                                         \
    }

static const struct fuse_opt option_table[] = {
    OPTION("-h", help),
    OPTION("--help", help),
    OPTION("-V", version),
    OPTION("--version", version),
    FUSE_OPT_KEY("uid=", KEY_UID),
    FUSE_OPT_KEY("gid=", KEY_GID),
    OPTION("fsname=%s", fsname),
    FUSE_OPT_KEY("max_read=", KEY_MAX_READ),
    FUSE_OPT_KEY("max_threads=", KEY_THREADS),
    FUSE_OPT_KEY("max_idle_threads=", KEY_THREADS),
    /* What fstab and mount(8) pass on, and what is so anyway. */
    FUSE_OPT_KEY("rw", KEY_IGNORED),
    FUSE_OPT_KEY("ro", KEY_IGNORED),
    FUSE_OPT_KEY("auto", KEY_IGNORED),
    FUSE_OPT_KEY("noauto", KEY_IGNORED),
    FUSE_OPT_KEY("user", KEY_IGNORED),
    FUSE_OPT_KEY("users", KEY_IGNORED),
    FUSE_OPT_KEY("nouser", KEY_IGNORED),
    FUSE_OPT_KEY("defaults", KEY_IGNORED),
    FUSE_OPT_KEY("nofail", KEY_IGNORED),
    FUSE_OPT_KEY("_netdev", KEY_IGNORED),
    FUSE_OPT_KEY("relatime", KEY_IGNORED),
    FUSE_OPT_KEY("norelatime", KEY_IGNORED),
    FUSE_OPT_KEY("strictatime", KEY_IGNORED),
    FUSE_OPT_KEY("lazytime", KEY_IGNORED),
    FUSE_OPT_KEY("nodiratime", KEY_IGNORED),
    FUSE_OPT_END,
};

/* NAME=N; says why not. The last number is none: chown(2) takes it for "as it is", libfuse for "not
 * given". */
static bool parse_number(const char *option, unsigned *number)
{
    const char *digits = strchr(option, '=') + 1;
    char *end;
    unsigned long value = strtoul(digits, &end, 10);
    if (!isdigit((unsigned char)*digits) || *end || value >= UINT32_MAX) {
        fprintf(stderr, "atffs: %s: not a number from 0 to %u\n", option, UINT32_MAX - 1);
        return false;
    }
    *number = (unsigned)value;
    return true;
}

/* Keeps the first plain argument, the session, from libfuse, which would take it for the
 * mountpoint; and looks at the second, which libfuse takes. */
static int take_argument(void *data, const char *argument, int key, struct fuse_args *rest)
{
    struct command_line *line = data;
    unsigned threads;
    (void)rest;
    if (key == KEY_IGNORED || line->help || line->version)
        return 0;
    if (key == KEY_UID || key == KEY_GID)
        return parse_number(argument, key == KEY_UID ? &line->uid : &line->gid) ? 0 : -1;
    if (key == KEY_MAX_READ) /* libfuse wants it said twice */
        return parse_number(argument, &line->max_read) ? 1 : -1;
    if (key == KEY_THREADS) /* left to libfuse, which takes -1 and 5x for numbers */
        return parse_number(argument, &threads) ? 1 : -1;
    if (key == FUSE_OPT_KEY_OPT && strncmp(argument, "--", 2) == 0) {
        fprintf(stderr,
                "atffs: %s: no such option, or not where it belongs (--cat, --list and --check "
                "come first)\n",
                argument);
        return -1;
    }
    if (key != FUSE_OPT_KEY_NONOPT)
        return 1;
    if (line->mountpoint) {
        fprintf(stderr, "atffs: %s: one argument too many\n", argument);
        return -1;
    }
    bool is_mountpoint = line->session;
    char *taken = strdup(argument);
    if (is_mountpoint)
        line->mountpoint = taken;
    else
        line->session = taken;
    if (!taken) {
        print_no_memory();
        return -1;
    }
    return is_mountpoint;
}

/* Whether a way to a file leads to or through a folder, even one to a file that isn't there. */
static bool leads_through(const char *path, const char *folder)
{
    char top[PATH_MAX];
    char start[PATH_MAX];
    char place[PATH_MAX];
    if (!realpath(folder, top) || strlen(path) >= sizeof start)
        return false;
    size_t length = strcmp(top, "/") == 0 ? 0 : strlen(top);
    for (size_t end = strspn(path, "/"); path[end]; end += strspn(path + end, "/")) {
        end += strcspn(path + end, "/");
        memcpy(start, path, end);
        start[end] = '\0';
        place[0] = '\0';
        if (!realpath(start, place) && errno != ENOENT)
            return false; /* else place is where it would be */
        if (strncmp(place, top, length) == 0 && (!place[length] || place[length] == '/'))
            return true;
    }
    return false;
}

/* Whether a folder can be mounted on; says why not. */
static bool check_mountpoint(const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0)
        fprintf(stderr, "atffs: %s: %s%s\n", path, strerror(errno),
                errno == ENOENT ? ": the mountpoint must be an existing folder (mkdir makes it)"
                : errno == ENOTCONN
                    ? ": a mount that has died is still there (fusermount3 -u ends it)"
                    : "");
    else if (!S_ISDIR(st.st_mode))
        fprintf(stderr, "atffs: %s: not a folder: the mountpoint must be one\n", path);
    else if (leads_through(atf_spill_folder(), path)) /* the daemon would wait for itself */
        fprintf(stderr,
                "atffs: %s: temporary files go there (TMPDIR): the mountpoint can't be that folder "
                "or above it\n",
                atf_spill_folder());
    else
        return true;
    return false;
}

/* Adds the options of every mount, and the source that mount(8) shows. */
static bool add_options(struct fuse_args *args, const struct command_line *line,
                        const struct fs *fs)
{
    char *options = NULL;
    char *source = NULL;
    bool ok =
        asprintf(&source, "fsname=%s",
                 line->fsname ? line->fsname : atf_session_path(fs->session)) >= 0 &&
        fuse_opt_add_opt(&options, "ro,nosuid,nodev,default_permissions,subtype=atffs") == 0 &&
        fuse_opt_add_opt_escaped(&options, source) == 0 && fuse_opt_add_arg(args, "-o") == 0 &&
        fuse_opt_add_arg(args, options) == 0;
    free(options);
    free(source);
    return ok;
}

/* Opens the session and looks at the mountpoint before libfuse does, whose words about it say less.
 */
static int mount_session(struct fuse_args *args, const struct command_line *line)
{
    struct fs *fs = open_session(line->session);
    bool ok = check_mountpoint(line->mountpoint) && fs;
    struct fuse_cmdline_opts command = {.mountpoint = NULL};
    int exit_code = fs ? EXIT_PROBLEM : EXIT_UNREADABLE;
    if (ok && fuse_parse_cmdline(args, &command) != 0) {
        exit_code = EXIT_UNREADABLE;
    } else if (ok) {
        struct mount_options options = {
            .uid = line->uid, .gid = line->gid, .max_read = line->max_read};
        int status =
            add_options(args, line, fs) ? mount_serve(fs, &options, args, &command) : -ENOMEM;
        if (status == -ENOMEM)
            print_no_memory();
        exit_code = status == 0 ? 0 : EXIT_PROBLEM;
    }
    free(command.mountpoint);
    fs_close(fs);
    return exit_code;
}

/* Help and versions are asked for by options anywhere, whatever else is there. */
static int inform(const struct command_line *line)
{
    if (line->help)
        print_usage(stdout);
    else
        printf("atffs %s\nlibfuse %s\nconfined by %s\n", ATFFS_VERSION, fuse_pkgversion(),
               confine_means);
    return finish(EXIT_SUCCESS);
}

/* The next file that is opened would take the place of a standard descriptor that is closed, and
 * lose it when the daemon leaves its terminal. What opens them here can't be written: that stays an
 * error. */
static void fill_standard_descriptors(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDONLY) != fd)
            return;
}

int main(int argc, char **argv)
{
    fill_standard_descriptors();
    /* Buffers of open files go back to the system when they are closed; left to itself glibc keeps
     * more and more of them. */
    mallopt(M_MMAP_THRESHOLD, 128 << 10);
    if (argc > 1 && is_command(argv[1]))
        return run_command(argv[1], argc - 2, argv + 2);
    struct fuse_args args = FUSE_ARGS_INIT(argc, argv);
    struct command_line line = {.uid = getuid(), .gid = getgid()};
    int exit_code;
    if (fuse_opt_parse(&args, &line, option_table, take_argument) != 0)
        exit_code = EXIT_UNREADABLE;
    else if (line.help || line.version)
        exit_code = inform(&line);
    else if (line.fsname && !line.fsname[0])
        exit_code = wrong_usage("fsname= is followed by no name");
    else if (line.mountpoint)
        exit_code = mount_session(&args, &line);
    else
        exit_code = wrong_usage(line.session ? "no mountpoint given" : "no session given");
    free(line.session);
    free(line.mountpoint);
    free(line.fsname);
    fuse_opt_free_args(&args);
    return exit_code;
}
