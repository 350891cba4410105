"""Apache Kafka's own command-line tools against a broker: `tools.py BOOTSTRAP`. Every check holds against Apache Kafka too."""
import sys

import tool_runner
import tools_admin
import tools_cluster
import tools_data
import scenario


def main():
    runner = tool_runner.ToolRunner(sys.argv[1])
    checks = scenario.Checks("java-tools")
    for group in (tools_data, tools_admin, tools_cluster):
        for title, check in group.checks(runner):
            checks.check(title, check)
    runner.close()
    checks.finish()


main()
