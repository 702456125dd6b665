/*
 * What the programs for disks read into and write from: one of them runs at a
 * time, and a domain of 16 MiB has no room for two.
 */
#ifndef GUEST_TESTS_DISK_BUFFERS_H
#define GUEST_TESTS_DISK_BUFFERS_H

#define BUFFER_PAGES 384u

extern uint8_t disk_buffers[BUFFER_PAGES][PAGE_SIZE];

#endif
