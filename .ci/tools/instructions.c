// A plugin for qemu's user-mode emulators that counts the guest's instructions
// by function: "COUNT FUNCTION" lines in the file that out= names.
//
// Counters are added to without locks: run the guest with GOMAXPROCS=1. The
// declarations are those of qemu-plugin.h, version 1, which Debian's packages
// of the emulators come without.
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

struct qemu_plugin_tb;
struct qemu_plugin_insn;
enum { ADD_U64 = 0 };

size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *, size_t);
const char *qemu_plugin_insn_symbol(const struct qemu_plugin_insn *);
void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t, void (*)(uint64_t, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *, int, void *, uint64_t);
void qemu_plugin_register_atexit_cb(uint64_t, void (*)(uint64_t, void *), void *);

EXPORT int qemu_plugin_version = 1;

static struct function {
	const char *name;
	uint64_t count;
} functions[1 << 16];
static size_t used;
static const char *out;

// translate has every execution of a block add its length to its function.
static void translate(uint64_t id, struct qemu_plugin_tb *block)
{
	(void)id;
	const char *name = qemu_plugin_insn_symbol(qemu_plugin_tb_get_insn(block, 0));
	size_t i = 0;
	if (name == NULL)
		name = "?";
	while (i < used && strcmp(functions[i].name, name) != 0)
		i++;
	if (i == used) {
		if (used == sizeof functions / sizeof *functions)
			abort();
		functions[used++].name = strdup(name);
	}
	qemu_plugin_register_vcpu_tb_exec_inline(block, ADD_U64, &functions[i].count, qemu_plugin_tb_n_insns(block));
}

static void finish(uint64_t id, void *data)
{
	(void)id, (void)data;
	FILE *f = out ? fopen(out, "w") : stderr;
	if (f == NULL)
		abort();
	for (size_t i = 0; i < used; i++)
		fprintf(f, "%" PRIu64 " %s\n", functions[i].count, functions[i].name);
	fclose(f);
}

EXPORT int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv)
{
	(void)info;
	for (int i = 0; i < argc; i++)
		if (strncmp(argv[i], "out=", 4) == 0)
			out = strdup(argv[i] + 4);
	qemu_plugin_register_vcpu_tb_trans_cb(id, translate);
	qemu_plugin_register_atexit_cb(id, finish, NULL);
	return 0;
}
