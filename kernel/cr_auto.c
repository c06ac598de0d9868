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
 * Signals are caught only while there is a pattern and one of the three, here or in
 * the settings of a job.
 *
 * Locks: settings_lock for changes and for the pattern; numbers are read without.
 */
#include <linux/kernel.h>
#include <linux/mutex.h>
#include <linux/signal.h>
#include <linux/sysctl.h>
#include <linux/workqueue.h>
#include <linux/cr.h>
#include <linux/cr_auto.h>

static DEFINE_MUTEX(settings_lock);
static char pattern_setting[CR_PATTERN_MAX];
static int save_signal, end_signal, fatal_setting, tree_setting;
static struct ctl_table_header *sysctls;
static bool armed;

static enum cr_auto_class class_of(const struct cr_auto_set *set, int sig)
{
	if (!set->pattern[0])
		return CR_AUTO_NONE;
	if (sig == set->save_signal)
		return CR_AUTO_SAVE;
	if (sig == set->end_signal)
		return CR_AUTO_END;
	if (set->fatal && sig_kernel_coredump(sig))
		return CR_AUTO_FATAL;
	return CR_AUTO_NONE;
}

/* What a job has not set, the sysctls have; of the pattern only whether there is one */
static void set_complete(struct cr_auto_set *set)
{
	if (!set->pattern[0])
		set->pattern[0] = READ_ONCE(pattern_setting[0]);
	if (set->save_signal < 0)
		set->save_signal = READ_ONCE(save_signal);
	if (set->end_signal < 0)
		set->end_signal = READ_ONCE(end_signal);
	if (set->fatal < 0)
		set->fatal = READ_ONCE(fatal_setting);
}

static void set_none(struct cr_auto_set *set)
{
	set->pattern[0] = 0;
	set->save_signal = -1;
	set->end_signal = -1;
	set->fatal = -1;
}

enum cr_auto_class cr_auto_class(struct task_struct *task, int sig)
{
	struct cr_auto_set set;

	if (!cr_auto_job_set(task, &set))
		set_none(&set);
	set_complete(&set);
	return class_of(&set, sig);
}

static void signals_add(const struct cr_auto_set *job, void *data)
{
	struct cr_auto_set set = *job;
	u64 *signals = data;

	set_complete(&set);
	if (!set.pattern[0])
		return;
	if (set.save_signal)
		*signals |= BIT_ULL(set.save_signal - 1);
	if (set.end_signal)
		*signals |= BIT_ULL(set.end_signal - 1);
	if (set.fatal)
		*signals |= SIG_KERNEL_COREDUMP_MASK;
}

void cr_auto_pattern_of_all(char pattern[CR_PATTERN_MAX])
{
	mutex_lock(&settings_lock);
	strscpy(pattern, pattern_setting, CR_PATTERN_MAX);
	mutex_unlock(&settings_lock);
}

bool cr_auto_pattern(struct task_struct *task, char pattern[CR_PATTERN_MAX])
{
	struct cr_auto_set set;

	if (cr_auto_job_set(task, &set) && set.pattern[0]) {
		strscpy(pattern, set.pattern, CR_PATTERN_MAX);
		return true;
	}
	cr_auto_pattern_of_all(pattern);
	return pattern[0];
}

enum cr_auto_tree cr_auto_tree(void)
{
	return READ_ONCE(tree_setting);
}

/* Catch what the settings say; settings_lock is held */
static int settings_apply(void)
{
	struct cr_auto_set sysctl;
	u64 signals = 0;
	int err = 0;

	set_none(&sysctl);
	signals_add(&sysctl, &signals);
	cr_auto_jobs_each(signals_add, &signals);
	cr_auto_catch(signals);
	if (!signals == !armed)
		return 0;
	if (signals)
		err = cr_auto_arm();
	else
		cr_auto_disarm();
	if (err)
		cr_auto_catch(0);
	else
		armed = signals;
	return err;
}

void cr_auto_lock(void)
{
	mutex_lock(&settings_lock);
}

void cr_auto_unlock(void)
{
	mutex_unlock(&settings_lock);
}

int cr_auto_apply_locked(void)
{
	return settings_apply();
}

static void changed_fn(struct work_struct *work)
{
	mutex_lock(&settings_lock);
	settings_apply();
	mutex_unlock(&settings_lock);
}

static DECLARE_WORK(changed_work, changed_fn);

void cr_auto_changed(void)
{
	schedule_work(&changed_work);
}

/* After which a thread does not go on */
static bool is_fault(int sig)
{
	return sig == SIGSEGV || sig == SIGBUS || sig == SIGILL ||
	       sig == SIGTRAP || sig == SIGFPE || sig == SIGSYS;
}

bool cr_auto_signal_valid(int sig)
{
	return sig >= -1 && sig <= _NSIG &&
	       (sig <= 0 || !(sig_kernel_only(sig) || sig_kernel_stop(sig) ||
			      sig_kernel_ignore(sig) || is_fault(sig)));
}

static int pattern_handler(cr_ctl_table *table, int write, void *buffer,
			   size_t *lenp, loff_t *ppos)
{
	/* room for one that is too long: it is refused, not cut */
	char old[CR_PATTERN_MAX], new[CR_PATTERN_MAX + 1];
	struct ctl_table copy = *table;
	int err;

	mutex_lock(&settings_lock);
	strscpy(old, pattern_setting, sizeof(old));
	strscpy(new, pattern_setting, sizeof(new));
	copy.data = new;
	copy.maxlen = sizeof(new);
	err = proc_dostring(&copy, write, buffer, lenp, ppos);
	if (!err && write) {
		err = strlen(new) < CR_PATTERN_MAX &&
		      cr_auto_pattern_valid(new) ? 0 : -EINVAL;
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
	    !cr_auto_signal_valid(*number))
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
	cr_auto_jobs_exit();
	cancel_work_sync(&changed_work);
	pattern_setting[0] = 0;
	settings_apply();
	cr_auto_signal_exit();
	cr_auto_save_exit();
}
