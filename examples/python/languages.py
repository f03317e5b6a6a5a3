"""Code in three languages; what one run defines, the next one finds."""

import asyncio

from code_interpreter import CodeInterpreter, SupportedLanguage
from opensandbox import Sandbox


async def main() -> None:
    async with await Sandbox.create("opensandbox/code-interpreter") as sandbox:
        interpreter = await CodeInterpreter.create(sandbox)
        context = await interpreter.codes.create_context(SupportedLanguage.PYTHON)
        await interpreter.codes.run("users = ['Ada', 'Grace']", context=context)
        run = await interpreter.codes.run("users.append('Edsger')\nlen(users)", context=context)
        print("users:", run.text)
        run = await interpreter.codes.run("print(missing)", context=context)
        print("error:", run.error.name if run.error else None)
        for language, code in (
            (SupportedLanguage.BASH, "echo $((6 * 7))"),
            (SupportedLanguage.JAVASCRIPT, "[1, 2, 3].map(x => x * 2).join()"),
        ):
            run = await interpreter.codes.run(code, language=language)
            print(f"{language}:", run.text)
        await sandbox.kill()


asyncio.run(main())
