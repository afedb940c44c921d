using Platter.FileSystems;

namespace Platter.Testing.Volumes;

/// <summary>The fixture of <see cref="MemoryVolume"/>: proves the suites.</summary>
public sealed class MemoryVolumeFixture(MemoryVolumeOptions options) : VolumeFixture
{
    private MemoryVolume? _volume;

    public override string ForbiddenCharacters => options.ForbiddenCharacters;
    public override bool AllowsTrailingDotOrSpace => options.AllowsTrailingDotOrSpace;
    public override int? RootEntries => options.MaxRootEntries;

    public override EditableVolume Create(long length) => _volume = new MemoryVolume(options with { TotalBytes = length, Clock = Clock });

    public override EditableVolume Reopen() => _volume = _volume!.Reopen();

    public override CheckReport? Check() => null;
}
