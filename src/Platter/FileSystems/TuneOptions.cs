namespace Platter.FileSystems;

/// <summary>What is to be changed of a volume that is there, besides what it holds: identity, limits, features.</summary>
public sealed record TuneOptions
{
    /// <summary>By key, in the words that formatting has for them. What is not named stays as it is.</summary>
    public required IReadOnlyDictionary<string, string> Options { get; init; }

    /// <summary>How the volume is opened; the clock is the one of its new structures.</summary>
    public VolumeOptions Volume { get; init; } = VolumeOptions.Default;
}
