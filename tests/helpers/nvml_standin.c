/* A simulated libnvidia-ml.so.1, with the cards that the file named by NVML_SCENARIO describes.

   Each line is a key and a value. The file is read at each call, so that a test can change it at
   any time. "cards 2" is the number of cards; other keys start with a card's index in NVML's order:
   "0.uuid GPU-...", "0.clock 1911". A query without a key is not supported. "0.process0 1234 512",
   up to process9, is a process ID and its memory in MiB (-1: unknown). "0.lost 1" is a card that
   fell off the bus. "0.energy_mw" is the growth rate of the energy counter, which is updated every
   "0.energy_step_ms". With -DOLD, the library lacks functions that were added later.
*/

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { OK, INVALID = 2, NOT_SUPPORTED, NOT_FOUND = 6, TOO_SMALL = 7, NOT_LOADED = 9, LOST = 15 };
typedef void *Device; /* Card number plus one. */
typedef unsigned int uint;
typedef unsigned long long uint64;

static int card_of(Device device) { return (int)(size_t)device - 1; }

/* Look up the value of a card's key (-1: a global key); return 0 if there is none. */
static int look_up(int card, const char *key, char *value, size_t size) {
    char wanted[64], line[256];
    const char *path = getenv("NVML_SCENARIO");
    FILE *file = path ? fopen(path, "r") : NULL;
    if (!file) return 0;
    if (card < 0) snprintf(wanted, sizeof wanted, "%s ", key);
    else snprintf(wanted, sizeof wanted, "%d.%s ", card, key);
    int found = 0;
    while (!found && fgets(line, sizeof line, file)) {
        if (strncmp(line, wanted, strlen(wanted)) == 0) {
            snprintf(value, size, "%s", line + strlen(wanted));
            value[strcspn(value, "\n")] = 0;
            found = 1;
        }
    }
    fclose(file);
    return found;
}

static int text(Device device, const char *key, char *value, uint size) {
    char lost[8];
    if (look_up(card_of(device), "lost", lost, sizeof lost)) return LOST;
    return look_up(card_of(device), key, value, size) ? OK : NOT_SUPPORTED;
}

static int number(Device device, const char *key, uint64 *value) {
    char found[64];
    int status = text(device, key, found, sizeof found);
    if (status == OK) *value = strtoull(found, NULL, 10);
    return status;
}

static int small(Device device, const char *key, uint *value) {
    uint64 found = 0;
    int status = number(device, key, &found);
    if (status == OK) *value = (uint)found;
    return status;
}

static uint cards(void) {
    char value[16];
    return look_up(-1, "cards", value, sizeof value) ? (uint)atoi(value) : 0;
}

int nvmlInitWithFlags(uint flags) {
    char value[16];
    (void)flags;
    return look_up(-1, "unloaded", value, sizeof value) ? NOT_LOADED : OK;
}
int nvmlShutdown(void) { return OK; }
const char *nvmlErrorString(int status) { return status == LOST ? "GPU is lost" : "an error"; }
int nvmlDeviceGetCount_v2(uint *count) { *count = cards(); return OK; }

int nvmlDeviceGetHandleByUUID(const char *uuid, Device *device) {
    char value[96];
    for (uint card = 0; card < cards(); card++)
        if (look_up((int)card, "uuid", value, sizeof value) && strcmp(value, uuid) == 0) {
            *device = (Device)(size_t)(card + 1);
            return look_up((int)card, "lost", value, sizeof value) ? LOST : OK;
        }
    return NOT_FOUND;
}

int nvmlDeviceGetHandleByIndex_v2(uint index, Device *device) {
    if (index >= cards()) return INVALID;
    *device = (Device)(size_t)(index + 1);
    return OK;
}

int nvmlSystemGetDriverVersion(char *value, uint size) {
    return look_up(-1, "driver", value, size) ? OK : NOT_SUPPORTED;
}
int nvmlSystemGetCudaDriverVersion_v2(int *version) {
    char value[16];
    if (!look_up(-1, "cuda", value, sizeof value)) return NOT_SUPPORTED;
    *version = atoi(value);
    return OK;
}

int nvmlDeviceGetUUID(Device d, char *value, uint size) { return text(d, "uuid", value, size); }
int nvmlDeviceGetName(Device d, char *value, uint size) { return text(d, "name", value, size); }

struct pci { char legacy[16]; uint domain, bus, device, id, subsystem; char address[32]; };
int nvmlDeviceGetPciInfo_v3(Device d, struct pci *info) {
    memset(info, 0, sizeof *info);
    return text(d, "pci", info->address, sizeof info->address);
}
int nvmlDeviceGetCudaComputeCapability(Device d, int *major, int *minor) {
    uint both = 0;
    int status = small(d, "capability", &both);
    *major = (int)both / 10, *minor = (int)both % 10;
    return status;
}
int nvmlDeviceGetPersistenceMode(Device d, uint *on) { return small(d, "persistence", on); }
int nvmlDeviceGetEccMode(Device d, uint *on, uint *next) { *next = 0; return small(d, "ecc", on); }
int nvmlDeviceGetMigMode(Device d, uint *on, uint *next) { *next = 0; return small(d, "mig", on); }
int nvmlDeviceGetClockInfo(Device d, int kind, uint *mhz) {
    return small(d, kind == 2 ? "memory_clock" : "clock", mhz);
}
int nvmlDeviceGetMaxClockInfo(Device d, int kind, uint *mhz) {
    return kind == 1 ? small(d, "max_clock", mhz) : INVALID;
}
int nvmlDeviceGetApplicationsClock(Device d, int kind, uint *mhz) {
    return kind == 0 ? small(d, "application_clock", mhz) : INVALID;
}
int nvmlDeviceGetTemperature(Device d, int sensor, uint *c) {
    return sensor == 0 ? small(d, "temperature", c) : INVALID;
}
int nvmlDeviceGetPowerUsage(Device d, uint *mw) { return small(d, "power_mw", mw); }
int nvmlDeviceGetPowerManagementLimit(Device d, uint *mw) { return small(d, "limit_mw", mw); }
int nvmlDeviceGetCurrentClocksThrottleReasons(Device d, uint64 *bits) {
    return number(d, "reasons", bits);
}
int nvmlDeviceGetUtilizationRates(Device d, uint *rates) {
    rates[1] = 0;
    return small(d, "utilization", rates);
}
int nvmlDeviceGetMemoryInfo(Device d, uint64 *total_free_used) {
    int status = number(d, "memory_mib", &total_free_used[0]);
    if (status == OK) status = number(d, "used_mib", &total_free_used[2]);
    total_free_used[0] <<= 20, total_free_used[2] <<= 20;
    total_free_used[1] = total_free_used[0] - total_free_used[2];
    return status;
}

struct process { uint pid; uint64 bytes; uint instance, compute_instance; };
static int processes(Device d, uint *count, struct process *found) {
    char value[64];
    uint room = *count, n = 0;
    int status = text(d, "hides_processes", value, sizeof value);
    if (status != NOT_SUPPORTED) return status == OK ? NOT_SUPPORTED : status;
    for (int place = 0; place < 10; place++) {
        char key[16];
        snprintf(key, sizeof key, "process%d", place);
        if (!look_up(card_of(d), key, value, sizeof value)) continue;
        if (n < room && found) {
            long long mib = 0;
            sscanf(value, "%u %lld", &found[n].pid, &mib);
            found[n].bytes = mib < 0 ? ~0ULL : (uint64)mib << 20;
        }
        n++;
    }
    *count = n;
    return n > room ? TOO_SMALL : OK;
}
int nvmlDeviceGetComputeRunningProcesses_v2(Device d, uint *count, struct process *found) {
    return processes(d, count, found);
}

#ifndef OLD
int nvmlDeviceGetComputeRunningProcesses_v3(Device d, uint *count, struct process *found) {
    return processes(d, count, found);
}
int nvmlDeviceGetCurrentClocksEventReasons(Device d, uint64 *bits) {
    return number(d, "reasons", bits);
}
int nvmlDeviceGetTotalEnergyConsumption(Device d, uint64 *mj) {
    uint64 rate = 0, step = 0;
    int status = number(d, "energy_mw", &rate);
    struct timespec now;
    if (status == OK) status = number(d, "energy_step_ms", &step);
    if (status != OK) return status;
    clock_gettime(CLOCK_MONOTONIC, &now);
    uint64 ms = (uint64)now.tv_sec * 1000 + (uint64)now.tv_nsec / 1000000;
    *mj = ms / step * step * rate / 1000;
    return OK;
}
#endif
