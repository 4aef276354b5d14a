"""Analyses of a study: leaderboard, comparisons, class differences, audit, importance, and the summary in words."""
