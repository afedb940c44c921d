namespace Platter.Cli.Syntax;

/// <summary>The command line is wrong: exit code 2.</summary>
internal sealed class UsageException(string message, string? hint = null) : Exception(message)
{
    public string? Hint { get; } = hint;
}
