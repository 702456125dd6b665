/*
 * Random guests against mm/: each byte string is a program of guest actions
 * that runs on simulated CPUs whose TLBs forget only what was flushed.
 */
#ifndef PV_FRAME_MODEL_H
#define PV_FRAME_MODEL_H

#include <stddef.h>
#include <stdint.h>

/* Runs it; what breaks an invariant ends the program with a message. */
void frame_model_run(const uint8_t *program, size_t len);
/* How often each kind of action had an effect in the last run. */
extern unsigned int frame_model_effects[16];

#endif
