/* libFuzzer: guests of mm/ that somebody thought about (frame_model.c). */
#include "frame_model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	frame_model_run(data, len);
	return 0;
}
