/* Runs `tiny` by every version that this processor has, under a caller's floating-point mode that the network must neither
 * use nor lose, and loads weights from the files that it is given. Compiled as C and as C++. */
#include "tiny.h"
#include <fenv.h>

static tiny_scratch scratch;
static float input[TINY_INPUT_ELEMENTS];
static float output[TINY_OUTPUT_ELEMENTS];
TINY_ALIGNED static unsigned char file[64 + TINY_WEIGHT_BYTES];

static void print(const char *title) {
    size_t i;
    printf("%s", title);
    for (i = 0; i < TINY_OUTPUT_ELEMENTS; i++) {
        uint32_t bits;
        memcpy(&bits, &output[i], sizeof bits);
        printf(" %08lx", (unsigned long)bits);
        output[i] = 0;
    }
    printf("\n");
}

static void run(const char *title, tiny_network *network, tiny_version version) {
    if (!tiny_set_version(network, version)) {
        printf("%s is not supported\n", title);
        return;
    }
    fesetround(FE_UPWARD);
    tiny_run(network, &scratch, input, output);
    if (fegetround() != FE_UPWARD) {
        printf("the rounding of the caller was changed\n");
    }
    fesetround(FE_TONEAREST);
    print(title);
}

int main(int count, char **paths) {
    static const size_t dimensions[] = TINY_INPUT_DIMENSIONS;
    tiny_network network;
    int i;
    if (fread(input, sizeof(float), TINY_INPUT_ELEMENTS, stdin) != TINY_INPUT_ELEMENTS ||
        dimensions[1] * dimensions[2] * dimensions[3] != TINY_INPUT_ELEMENTS) {
        return 2;
    }
    if (tiny_new(&network) != TINY_OK) {
        return 3;
    }
    run("avx512", &network, TINY_VERSION_AVX512);
    run("avx2", &network, TINY_VERSION_AVX2);
    run("portable", &network, TINY_VERSION_PORTABLE);
    tiny_free(&network);
    for (i = 1; i < count; i++) {
        tiny_status status = tiny_load(&network, paths[i]);
        printf("load: %s\n", tiny_message(status));
        if (status == TINY_OK) {
            FILE *again = fopen(paths[i], "rb");
            tiny_run(&network, &scratch, input, output);
            print("loaded");
            tiny_free(&network);
            if (again == NULL || fread(file, 1, sizeof file, again) != sizeof file) {
                return 4;
            }
            fclose(again);
            printf("lying: %s\n", tiny_message(tiny_from_static(&network, file, sizeof file)));
            printf("short: %s\n", tiny_message(tiny_from_static(&network, file, sizeof file - 1)));
            printf("moved: %s\n", tiny_message(tiny_from_static(&network, file + 1, sizeof file - 1)));
            file[80] ^= 1;
            printf("damaged: %s\n", tiny_message(tiny_from_static(&network, file, sizeof file)));
            printf("spec of %u characters\n", (unsigned)strlen(TINY_SPEC));
        }
    }
    return 0;
}
