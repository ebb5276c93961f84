/* A cyclical learning rate in C that certifies itself against the golden cases: no Python, no library.
 *
 *     cc -O2 -ffp-contract=off -o certify certify.c -lm && ./certify golden
 *
 * For every float32 case of triangular and triangular2 in cases.json it computes the rates in float, as TFA's eager mode does, and
 * compares their bits with values/<case>/eager-*.csv. There is a file for each answer that some release gave: one has to agree.
 * Exit code: 0 all agree, 1 a case does not, 2 the store cannot be read.
 */
#include <dirent.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The implementation under test. Clauses 2 to 4 of docs/SPEC.md, each operation rounded to float. */
static float rate(int halving, float initial, float maximal, float size, uint64_t step)
{
    float t = (float)step;
    float cycle = floorf(1.0f + t / (2.0f * size));
    float x = fabsf(t / size - 2.0f * cycle + 1.0f);
    float scale = halving ? 1.0f / exp2f(cycle - 1.0f) : 1.0f;
    return initial + (maximal - initial) * fmaxf(0.0f, 1.0f - x) * scale;
}

static char *read_all(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file) { perror(path); exit(2); }
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    rewind(file);
    char *text = malloc((size_t)size + 1);
    if (!text || fread(text, 1, (size_t)size, file) != (size_t)size) { perror(path); exit(2); }
    text[size] = 0;
    fclose(file);
    return text;
}

/* The string that stands under a key, from a place in the JSON on: enough for a file whose schema is known. */
static const char *string_after(const char *json, const char *key, char *out, size_t room)
{
    char quoted[64];
    snprintf(quoted, sizeof quoted, "\"%s\": ", key);
    const char *start = strstr(json, quoted);
    if (!start || !(start = strchr(start + strlen(quoted), '"'))) { fprintf(stderr, "no %s\n", key); exit(2); }
    const char *stop = strchr(++start, '"');
    if (!stop || (size_t)(stop - start) >= room) { fprintf(stderr, "bad %s\n", key); exit(2); }
    memcpy(out, start, (size_t)(stop - start));
    out[stop - start] = 0;
    return stop;
}

static float input(const char *json, const char *name)
{
    char hex[64], key[64];
    snprintf(key, sizeof key, "\"%s\"", name);
    const char *place = strstr(json, key);
    if (!place) { fprintf(stderr, "no %s\n", name); exit(2); }
    string_after(place, "hex", hex, sizeof hex);
    return (float)strtod(hex, NULL); /* clause 1.3: rounded once */
}

/* How many of a file's rates differ in their bits; -1 if there are none. */
static long differing(const char *path, int halving, float initial, float maximal, float size, long *rows)
{
    char *text = read_all(path), *line = strchr(text, '\n');
    long wrong = 0;
    for (*rows = 0; line && line[1]; line = strchr(line + 1, '\n'), ++*rows) {
        char *rest;
        uint64_t step = strtoull(line + 1, &rest, 10);
        float expected = strtof(rest + 1, NULL), actual = rate(halving, initial, maximal, size, step);
        if (memcmp(&expected, &actual, sizeof actual) != 0 && !(isnan(expected) && isnan(actual))) ++wrong;
    }
    free(text);
    return *rows ? wrong : -1;
}

int main(int count, char **arguments)
{
    char path[1024], id[128], policy[64], mode[64], dtype[64];
    if (count != 2) { fprintf(stderr, "usage: certify GOLDEN\n"); return 2; }
    snprintf(path, sizeof path, "%s/cases.json", arguments[1]);
    char *json = read_all(path);
    int failed = 0, asked = 0;
    for (const char *at = json; (at = strstr(at, "\"id\": ")) != NULL;) {
        const char *inputs = string_after(string_after(at, "id", id, sizeof id), "policy", policy, sizeof policy);
        string_after(inputs, "scale_mode", mode, sizeof mode);
        at = string_after(inputs, "dtype", dtype, sizeof dtype);
        if (strncmp(policy, "triangular", 10) || strcmp(mode, "cycle") || strcmp(dtype, "float32")) continue;
        float initial = input(inputs, "initial_learning_rate"), maximal = input(inputs, "maximal_learning_rate");
        float size = input(inputs, "step_size");
        snprintf(path, sizeof path, "%s/values/%s", arguments[1], id);
        DIR *folder = opendir(path);
        if (!folder) { perror(path); return 2; }
        long best = -1, rows = 0;
        for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
            char file[1536];
            if (strncmp(entry->d_name, "eager-", 6)) continue;
            snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
            long wrong = differing(file, policy[10] == '2', initial, maximal, size, &rows);
            if (wrong >= 0 && (best < 0 || wrong < best)) best = wrong;
        }
        closedir(folder);
        printf("%-24s %6ld steps, %s", id, rows, best == 0 ? "agrees\n" : "");
        if (best != 0) printf("%ld DIFFER\n", best);
        failed += best != 0;
        ++asked;
    }
    printf("%d of %d cases agree\n", asked - failed, asked);
    free(json);
    return failed || !asked ? 1 : 0;
}
