// SPDX-License-Identifier: GPL-2.0
/*
 * Automatic images: what is to be saved when, and under which name.
 *
 *	kernel.crimg_pattern		template of the name; empty: nothing is saved
 *	kernel.crimg_signal		signal that means: save the job, and go on
 *	kernel.crimg_end_signal		... save it, then end as the signal would have it
 *	kernel.crimg_fatal		1: signals that dump core leave an image
 *	kernel.crimg_tree		which processes are the job: enum cr_auto_tree
 *
 * Signals are caught only while there is a pattern and one of the three.
 *
 * Locks: settings_lock for changes and for the pattern; numbers are read without.
 */
#include <linux/kernel.h>
#include <linux/mutex.h>
#include <linux/signal.h>
#include <linux/sysctl.h>
#include <linux/cr.h>
#include <linux/cr_auto.h>

static DEFINE_MUTEX(settings_lock);
static char pattern_setting[CR_PATTERN_MAX];
static int save_signal, end_signal, fatal_setting, tree_setting;
static struct ctl_table_header *sysctls;
static bool armed;

enum cr_auto_class cr_auto_class(int sig)
{
	if (!READ_ONCE(pattern_setting[0]))
		return CR_AUTO_NONE;
	if (sig == READ_ONCE(save_signal))
		return CR_AUTO_SAVE;
	if (sig == READ_ONCE(end_signal))
		return CR_AUTO_END;
	if (READ_ONCE(fatal_setting) && sig_kernel_coredump(sig))
		return CR_AUTO_FATAL;
	return CR_AUTO_NONE;
}

static u64 signals_wanted(void)
{
	u64 signals = 0;
	int sig;

	for (sig = 1; sig <= _NSIG; sig++)
		if (cr_auto_class(sig) != CR_AUTO_NONE)
			signals |= BIT_ULL(sig - 1);
	return signals;
}

bool cr_auto_pattern(char pattern[CR_PATTERN_MAX])
{
	mutex_lock(&settings_lock);
	strscpy(pattern, pattern_setting, CR_PATTERN_MAX);
	mutex_unlock(&settings_lock);
	return pattern[0];
}

enum cr_auto_tree cr_auto_tree(void)
{
	return READ_ONCE(tree_setting);
}

/* Catch what the settings say; settings_lock is held */
static int settings_apply(void)
{
	bool wanted = pattern_setting[0] &&
		      (save_signal || end_signal || fatal_setting);
	int err = 0;

	cr_auto_catch(signals_wanted());
	if (wanted == armed)
		return 0;
	if (wanted)
		err = cr_auto_arm();
	else
		cr_auto_disarm();
	if (err)
		cr_auto_catch(0);
	else
		armed = wanted;
	return err;
}

static int pattern_handler(cr_ctl_table *table, int write, void *buffer,
			   size_t *lenp, loff_t *ppos)
{
	char old[CR_PATTERN_MAX], new[CR_PATTERN_MAX];
	struct ctl_table copy = *table;
	int err;

	mutex_lock(&settings_lock);
	strscpy(old, pattern_setting, sizeof(old));
	strscpy(new, pattern_setting, sizeof(new));
	copy.data = new;
	copy.maxlen = sizeof(new);
	err = proc_dostring(&copy, write, buffer, lenp, ppos);
	if (!err && write) {
		err = cr_auto_pattern_valid(new) ? 0 : -EINVAL;
		if (!err) {
			strscpy(pattern_setting, new, sizeof(pattern_setting));
			err = settings_apply();
		}
		if (err)
			strscpy(pattern_setting, old, sizeof(pattern_setting));
	}
	mutex_unlock(&settings_lock);
	return err;
}

static int number_handler(cr_ctl_table *table, int write, void *buffer,
			  size_t *lenp, loff_t *ppos)
{
	int *number = table->data, old, err;

	mutex_lock(&settings_lock);
	old = *number;
	err = proc_dointvec_minmax(table, write, buffer, lenp, ppos);
	/* one that ends a process, which it may be kept from */
	if (!err && write && (number == &save_signal || number == &end_signal) &&
	    (sig_kernel_only(*number) || sig_kernel_stop(*number) ||
	     sig_kernel_ignore(*number)))
		err = -EINVAL;
	if (!err && write)
		err = settings_apply();
	if (err)
		*number = old;
	mutex_unlock(&settings_lock);
	return err;
}

static int signal_max = _NSIG;
static int tree_max = CR_NR_TREES - 1;

#define NUMBER(name, variable, max) {		\
	.procname = name,			\
	.data = &(variable),			\
	.maxlen = sizeof(int),			\
	.mode = 0644,				\
	.proc_handler = number_handler,		\
	.extra1 = SYSCTL_ZERO,			\
	.extra2 = max,				\
}

/* The last one is what older kernels end a table with */
static struct ctl_table table[] = {
	{
		.procname = "crimg_pattern",
		.data = pattern_setting,
		.maxlen = sizeof(pattern_setting),
		.mode = 0644,
		.proc_handler = pattern_handler,
	},
	NUMBER("crimg_signal", save_signal, &signal_max),
	NUMBER("crimg_end_signal", end_signal, &signal_max),
	NUMBER("crimg_fatal", fatal_setting, SYSCTL_ONE),
	NUMBER("crimg_tree", tree_setting, &tree_max),
	{ }
};

int cr_auto_init(void)
{
	sysctls = register_sysctl_sz("kernel", table, ARRAY_SIZE(table) - 1);
	return sysctls ? 0 : -ENOMEM;
}

void cr_auto_exit(void)
{
	unregister_sysctl_table(sysctls);
	pattern_setting[0] = 0;
	settings_apply();
	cr_auto_signal_exit();
	cr_auto_save_exit();
}
