/* SPDX-License-Identifier: MIT */
/* CRC-32 (IEEE 802.3, reflected polynomial EDB88320): half a byte a step for short data, eight
 * bytes for long. */
#include "atf.h"

enum { SLICES = 8, LONG = 16384 };

static const uint32_t half_byte[16] = {
    0x00000000, 0x1DB71064, 0x3B6E20C8, 0x26D930AC, 0x76DC4190, 0x6B6B51F4, 0x4DB26158, 0x5005713C,
    0xEDB88320, 0xF00F9344, 0xD6D6A3E8, 0xCB61B38C, 0x9B64C2B0, 0x86D3D2D4, 0xA00AE278, 0xBDBDF21C};

static uint32_t add_byte(uint32_t crc, uint8_t byte)
{
    crc ^= byte;
    crc = (crc >> 4) ^ half_byte[crc & 15];
    return (crc >> 4) ^ half_byte[crc & 15];
}

/* Eight tables are worth their making (some microseconds) only for much data, and need no shared
 * state this way. */
static uint32_t add_words(uint32_t crc, const uint8_t *at, size_t words)
{
    uint32_t table[SLICES][256];
    for (uint32_t byte = 0; byte < 256; byte++)
        table[0][byte] = add_byte(0, (uint8_t)byte);
    for (uint32_t byte = 0; byte < 256; byte++)
        for (int slice = 1; slice < SLICES; slice++) {
            uint32_t before = table[slice - 1][byte];
            table[slice][byte] = (before >> 8) ^ table[0][before & 0xFF];
        }
    for (; words > 0; at += 8, words--) {
        uint32_t low = atf_load_u32(at) ^ crc;
        uint32_t high = atf_load_u32(at + 4);
        crc = table[7][low & 0xFF] ^ table[6][(low >> 8) & 0xFF] ^ table[5][(low >> 16) & 0xFF] ^
              table[4][low >> 24] ^ table[3][high & 0xFF] ^ table[2][(high >> 8) & 0xFF] ^
              table[1][(high >> 16) & 0xFF] ^ table[0][high >> 24];
    }
    return crc;
}

uint32_t atf_crc32(uint32_t crc, const void *data, size_t length)
{
    const uint8_t *at = data;
    const uint8_t *end = at + length;
    crc = ~crc;
    if (length >= LONG) {
        crc = add_words(crc, at, length / 8);
        at += length / 8 * 8;
    }
    while (at < end)
        crc = add_byte(crc, *at++);
    return ~crc;
}
