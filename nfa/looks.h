/*
 * looks.h: what a rule, profile, feature or key group looks at beyond its own events: profiles, features, whether alerts are open, what rules tell.
 *
 * Who shares out keys must know it (owner.c), and who evaluates some rules without the others (warm.c).
 */
#ifndef EGRET_NFA_LOOKS_H
#define EGRET_NFA_LOOKS_H

#include "compiler/plan.h"

/* NFA_LOOK_OTHER_KEY comes behind what was looked at, when it is of any key and not of the event's; its number says nothing. */
typedef enum nfa_look { NFA_LOOK_PROFILE, NFA_LOOK_FEATURE, NFA_LOOK_OPEN /* rule */, NFA_LOOK_TOLD /* stream */, NFA_LOOK_OTHER_KEY } nfa_look;

typedef struct nfa_looks {
    const plan *plan;
    void (*see)(void *user, nfa_look look, uint32_t number);    /* as often as it is met */
    void *user;
} nfa_looks;

void nfa_looks_of_rule(const nfa_looks *looks, uint32_t rule);
void nfa_looks_of_profile(const nfa_looks *looks, uint32_t profile);
void nfa_looks_of_feature(const nfa_looks *looks, uint32_t feature);
void nfa_looks_of_group(const nfa_looks *looks, uint32_t group);

#endif
