using Platter.Cli.Completion;
using Platter.Cli.Syntax;

namespace Platter.Cli.Verbs;

internal sealed class CompletionVerb : Verb
{
    public override VerbSyntax Syntax => new()
    {
        Summary = "print the script that teaches a shell to complete platter's words",
        Arguments = [new("SHELL", "which shell") { Choices = ["bash", "zsh", "fish", "powershell"] }],
        Examples = [new("eval \"$(platter completion bash)\"", "in ~/.bashrc"), new("platter completion fish > ~/.config/fish/completions/platter.fish", "for fish")],
    };

    public override int Run(Session session)
    {
        session.Out.Write(CompletionScripts.For(session.Words[0]) ?? throw new UsageException($"'{session.Words[0]}' is none of bash, zsh, fish, powershell"));
        return ExitCode.Done;
    }
}
