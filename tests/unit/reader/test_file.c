/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "file.h"
#include "trace.h"

static int open_in(const char *folder, const char *relative, atf_error *err)
{
    int at = open(folder, O_RDONLY | O_DIRECTORY);
    assert_true(at >= 0);
    int fd = atf_open_regular(at, relative, relative, err);
    close(at);
    return fd;
}

static void assert_refused(const char *folder, const char *relative, int sys)
{
    atf_error err;
    assert_int_equal(open_in(folder, relative, &err), ATF_ERR_SYSTEM);
    assert_int_equal(err.sys, sys);
    assert_string_equal(err.file, relative);
}

TEST(a_regular_file_opens)
{
    const char *folder = temp_dir();
    atf_error err;
    char text[4];
    write_text(path_in(folder, "plain"), "abc");
    int fd = open_in(folder, "plain", &err);
    assert_true(fd >= 0);
    assert_int_equal(read(fd, text, sizeof text), 3);
    close(fd);
}

TEST(what_is_missing_is_enoent)
{
    assert_refused(temp_dir(), "nothing", ENOENT);
}

TEST(a_folder_is_no_file)
{
    const char *folder = temp_dir();
    make_dir(folder, "sub");
    assert_refused(folder, "sub", EINVAL);
}

TEST(a_fifo_is_refused_without_waiting_for_a_writer)
{
    const char *folder = temp_dir();
    assert_int_equal(mkfifo(path_in(folder, "pipe"), 0644), 0);
    assert_refused(folder, "pipe", EINVAL);
}

TEST(a_device_is_refused)
{
    atf_error err;
    assert_int_equal(atf_open_regular(AT_FDCWD, "/dev/zero", "/dev/zero", &err), ATF_ERR_SYSTEM);
    assert_int_equal(err.sys, EINVAL);
}

TEST(links_stay_inside_the_folder)
{
    const char *folder = temp_dir();
    const char *outside = temp_path("secret");
    atf_error err;
    write_text(outside, "secret");
    write_text(path_in(folder, "inside"), "inside");
    assert_int_equal(symlink("inside", path_in(folder, "near")), 0);
    assert_int_equal(symlink("../secret", path_in(folder, "up")), 0);
    assert_int_equal(symlink(outside, path_in(folder, "absolute")), 0);
    assert_int_equal(symlink("loop", path_in(folder, "loop")), 0);
    int fd = open_in(folder, "near", &err);
    assert_true(fd >= 0);
    close(fd);
    assert_refused(folder, "up", EXDEV);
    assert_refused(folder, "absolute", EXDEV);
    assert_refused(folder, "loop", ELOOP);
    assert_refused(folder, "../secret", EXDEV);
    assert_refused(folder, outside, EXDEV);
}

TEST(mapping_gives_size_header_and_content)
{
    const char *path = path_in(temp_dir(), "index.atf");
    atf_error err;
    atf_file file;
    struct stat st;
    save_numbered_index(path, 3);
    assert_ok(atf_file_map(&file, AT_FDCWD, path, "shown", &err), err);
    assert_int_equal(file.size, 64 + 3 * 32 + 64);
    assert_string_equal(file.path, "shown");
    assert_memory_equal(file.header, file.data, 64);
    assert_memory_equal(file.data, "ATI2", 4);
    assert_int_equal(stat(path, &st), 0);
    assert_memory_equal(&file.mtime, &st.st_mtim, sizeof st.st_mtim);
    atf_file_unmap(&file);
    assert_null(file.data);
}

TEST(a_file_shorter_than_a_header_is_truncated)
{
    static const char zeros[64];
    const char *path = path_in(temp_dir(), "short");
    atf_error err;
    atf_file file;
    for (size_t length = 0; length < 64; length += 21) {
        write_file(path, zeros, length);
        assert_int_equal(atf_file_map(&file, AT_FDCWD, path, path, &err), ATF_ERR_TRUNCATED);
        assert_int_equal(err.offset, length);
        assert_string_equal(err.file, path);
    }
    write_file(path, zeros, 64);
    assert_ok(atf_file_map(&file, AT_FDCWD, path, path, &err), err);
    atf_file_unmap(&file);
}

TEST(a_footer_is_read_only_where_one_lies)
{
    const char *path = path_in(temp_dir(), "index.atf");
    atf_error err;
    atf_file file;
    uint8_t footer[ATF_FOOTER_SIZE];
    save_numbered_index(path, 3);
    assert_ok(atf_file_map(&file, AT_FDCWD, path, path, &err), err);
    assert_true(atf_file_footer(&file, 160, "2ITA", footer));
    assert_memory_equal(footer, file.data + 160, sizeof footer);
    assert_false(atf_file_footer(&file, 160, "2DTA", footer)); /* another magic */
    static const uint64_t elsewhere[] = {0, 63, 64, 159, 161, 224, 1000, UINT64_MAX - 3};
    for (size_t i = 0; i < LENGTH(elsewhere); i++)
        assert_false(atf_file_footer(&file, elsewhere[i], "2ITA", footer));
    atf_file_unmap(&file);
}

TEST(paths_are_joined_by_a_slash)
{
    char *path = atf_path_join("a/b", "c");
    assert_string_equal(path, "a/b/c");
    free(path);
}

TEST(file_info_is_what_the_disk_says)
{
    const char *path = path_in(temp_dir(), "f");
    struct stat st;
    write_text(path, "12345");
    assert_int_equal(stat(path, &st), 0);
    atf_file_info info = atf_file_info_of(&st);
    assert_true(info.present);
    assert_int_equal(info.size, 5);
    assert_int_equal(info.inode, st.st_ino);
    assert_int_equal(info.device, st.st_dev);
    assert_int_equal(info.mtime.tv_sec, st.st_mtim.tv_sec);
}

TEST(a_socket_is_refused)
{
    const char *folder = temp_dir();
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    atf_error err;
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path_in(folder, "socket"));
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    close(fd);
    assert_int_equal(open_in(folder, "socket", &err), ATF_ERR_SYSTEM);
    assert_non_null(strstr(err.text, "is a socket where a regular file belongs"));
}

TEST(a_file_that_can_not_be_read_or_mapped_says_so)
{
    atf_error err;
    atf_file file;
    assert_int_equal(atf_file_map(&file, AT_FDCWD, "/proc/self/mem", "m", &err), ATF_ERR_SYSTEM);
    assert_non_null(strstr(err.text, "its header can't be read"));
    assert_int_equal(atf_file_map(&file, AT_FDCWD, "/proc/self/status", "s", &err), ATF_ERR_SYSTEM);
    assert_non_null(strstr(err.text, "can't be mapped"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_regular_file_opens),
        cmocka_unit_test(what_is_missing_is_enoent),
        cmocka_unit_test(a_folder_is_no_file),
        cmocka_unit_test(a_fifo_is_refused_without_waiting_for_a_writer),
        cmocka_unit_test(a_device_is_refused),
        cmocka_unit_test(links_stay_inside_the_folder),
        cmocka_unit_test(mapping_gives_size_header_and_content),
        cmocka_unit_test(a_file_shorter_than_a_header_is_truncated),
        cmocka_unit_test(a_footer_is_read_only_where_one_lies),
        cmocka_unit_test(paths_are_joined_by_a_slash),
        cmocka_unit_test(file_info_is_what_the_disk_says),
        cmocka_unit_test(a_socket_is_refused),
        cmocka_unit_test(a_file_that_can_not_be_read_or_mapped_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
