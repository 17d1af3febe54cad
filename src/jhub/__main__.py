"""`python -m jhub`"""

from jhub.cli.main import main

main()
