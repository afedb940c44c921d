using Platter.FileSystems;
using Xunit;

namespace Platter.Testing.Volumes;

/// <summary>The contract of <see cref="Volume"/> and <see cref="EditableVolume"/> as tests: a filesystem inherits this class, names its
/// fixture, and has them all.</summary>
/// <remarks>
/// <code>
/// public sealed class Fat16ConformanceTests : VolumeConformance
/// {
///     protected override VolumeFixture NewFixture() => new Fat16Fixture();
/// }
/// </code>
/// A case about something that the filesystem cannot store (see <see cref="Capabilities"/>) proves the refusal instead.
/// </remarks>
public abstract partial class VolumeConformance
{
    /// <summary>A fixture of its own for each case.</summary>
    protected abstract VolumeFixture NewFixture();

    private void Case(Action<ConformanceCase> body) => Run(null, body);

    /// <summary>A case on the smallest volume, to be filled.</summary>
    private void SmallCase(Action<ConformanceCase> body) => Run(0, body);

    private void Run(long? length, Action<ConformanceCase> body)
    {
        var fixture = NewFixture();
        using var test = new ConformanceCase(fixture, length is null ? fixture.Length : fixture.SmallLength);
        body(test);
        test.Finish();
    }
}
