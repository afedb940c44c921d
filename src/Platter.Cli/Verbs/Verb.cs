using Platter.Cli.Syntax;

namespace Platter.Cli.Verbs;

/// <summary>Something that <c>platter</c> does: one class and one file each.</summary>
internal abstract class Verb
{
    /// <summary>How it is called: read by the parser, the help and the completion.</summary>
    public abstract VerbSyntax Syntax { get; }

    /// <summary>Does it.</summary>
    /// <returns>One of <see cref="ExitCode"/>; what goes wrong is thrown.</returns>
    public abstract int Run(Session session);
}
