/*
 * Classifies a photograph with EfficientNet-Lite0: machine code and weights are in the library that rexnetc wrote.
 *
 * In a folder with this file:
 *
 *     rexnetc compile efficientnet_lite0 --emit staticlib --embed -o .
 *     cc -O2 main.c -L. -lefficientnet_lite0 -lm -o classify
 *     ./classify photo.ppm imagenet_classes.txt
 *
 * The names of the classes are in models/ of the repository. A binary PPM is what `djpeg photo.jpg > photo.ppm` writes, and
 * most programs for photographs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "efficientnet_lite0.h"

enum { SIDE = 224, CHANNELS = 3, CLASSES = 1000, MOST_PIXELS = 1 << 26 };

_Static_assert(EFFICIENTNET_LITE0_INPUT_ELEMENTS == CHANNELS * SIDE * SIDE, "another network");
_Static_assert(EFFICIENTNET_LITE0_OUTPUT_ELEMENTS == CLASSES, "another network");

static efficientnet_lite0_scratch scratch;
static float input[CHANNELS * SIDE * SIDE];
static float logits[CLASSES];

static int fail(const char *cause) {
    fprintf(stderr, "%s\n", cause);
    return EXIT_FAILURE;
}

/* The middle of a photograph, seven eighths of its shorter side: each value of the input is the mean of the pixels that
 * fall on it, from -1 to 1, in the order of the network: all of red, all of green, all of blue. */
static void prepare(const unsigned char *pixels, long width, long height) {
    long side = (width < height ? width : height) * 7 / 8;
    long left = (width - side) / 2, top = (height - side) / 2;
    for (int channel = 0; channel < CHANNELS; channel++) {
        for (long y = 0; y < SIDE; y++) {
            for (long x = 0; x < SIDE; x++) {
                long y0 = top + y * side / SIDE, y1 = top + (y + 1) * side / SIDE;
                long x0 = left + x * side / SIDE, x1 = left + (x + 1) * side / SIDE;
                y1 += y1 == y0, x1 += x1 == x0;
                float sum = 0;
                for (long row = y0; row < y1; row++) {
                    for (long column = x0; column < x1; column++) {
                        sum += pixels[CHANNELS * (row * width + column) + channel];
                    }
                }
                float mean = sum / (float)((y1 - y0) * (x1 - x0));
                input[(channel * SIDE + y) * SIDE + x] = (mean - 127) / 128;
            }
        }
    }
}

int main(int count, char **arguments) {
    if (count != 3) {
        return fail("usage: classify PHOTO.ppm CLASSES.txt");
    }
    FILE *photo = fopen(arguments[1], "rb");
    long width, height, most;
    if (photo == NULL || fscanf(photo, "P6 %ld %ld %ld", &width, &height, &most) != 3 || fgetc(photo) == EOF) {
        return fail("the photograph is no binary PPM");
    }
    if (most != 255 || width < 2 || height < 2 || width > MOST_PIXELS || height > MOST_PIXELS / width) {
        return fail("the photograph is too large, too small, or has other than 256 shades");
    }
    size_t bytes = (size_t)(CHANNELS * width * height);
    unsigned char *pixels = malloc(bytes);
    if (pixels == NULL || fread(pixels, 1, bytes, photo) != bytes) {
        return fail("the photograph is cut off");
    }
    fclose(photo);
    prepare(pixels, width, height);
    free(pixels);

    efficientnet_lite0_network network;
    efficientnet_lite0_status status = efficientnet_lite0_new(&network);
    if (status != EFFICIENTNET_LITE0_OK) {
        return fail(efficientnet_lite0_message(status));
    }
    efficientnet_lite0_run(&network, &scratch, input, logits);

    int best = 0;
    for (int class = 1; class < CLASSES; class++) {
        best = logits[class] > logits[best] ? class : best;
    }
    FILE *names = fopen(arguments[2], "r");
    char name[256] = "";
    for (int line = 0; names != NULL && line <= best && fgets(name, sizeof name, names) != NULL; line++) {
    }
    name[strcspn(name, "\n")] = '\0';
    printf("%s (class %d)\n", name, best);
    return EXIT_SUCCESS;
}
