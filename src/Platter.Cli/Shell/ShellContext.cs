namespace Platter.Cli.Shell;

/// <summary>What the prompt of <c>platter shell</c> remembers between two commands.</summary>
/// <param name="image">The image's full path, with <c>@N</c> where it was given.</param>
internal sealed class ShellContext(string image)
{
    public string Image { get; } = image;

    /// <summary>The directory inside the image that relative paths start from.</summary>
    public string Folder { get; set; } = "/";
}
