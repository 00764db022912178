"""From samples and stored state to transitions and planned notifications; pure."""
